//! One request in its middle, and the states of the model that agree with what its handler was answered
//! so far. Knows nothing of the application.

use super::{
    expected::Model,
    pending::View,
    steps::{Request, Word},
};

/// A request in its middle.
#[derive(Debug)]
pub(super) struct Course<'a> {
    pub(super) request: &'a Request,
    pub(super) number: usize,
    /// The states that the request may be in.
    pub(super) models: Vec<Model>,
    pub(super) token: Option<String>,
    /// The session that the token shows, with which the request came.
    pub(super) old: Option<View>,
    /// Tokens of other requests, with what they show.
    pub(super) others: Vec<(String, Option<View>)>,
}

impl Course<'_> {
    /// Returns the states after these answers and this status, or an error if none has them.
    pub(super) fn answer(&self, heard: &[String], status: u16) -> Result<Vec<Model>, String> {
        let mut models = self.models.clone();
        for model in &mut models {
            model.is_faulty = self.request.fault.is_some();
        }
        let models = hear(models, &self.request.then, heard)?;
        let responses = models.into_iter().flat_map(|model| model.respond(self.request.status));
        let (right, wrong): (Vec<_>, Vec<_>) = responses.partition(|(right, _)| *right == status);
        if right.is_empty() {
            return Err(format!("the status is {status}, not of {wrong:?}: {self:?}"));
        }
        Ok(right.into_iter().map(|(_, model)| model).collect())
    }

    /// Returns the states at any moment from the middle of the request on.
    pub(super) fn moments(&self) -> Vec<Model> {
        let (mut all, mut models) = (Vec::new(), self.models.clone());
        for word in &self.request.then {
            if matches!(word, Word::Transact(_)) {
                // What came before is saved by itself.
                let saved = models.iter().cloned().flat_map(|model| model.word(Word::Save));
                all.extend(saved.map(|(_, model)| model));
            }
            let next = models.into_iter().flat_map(|model| model.word(*word));
            models = next.map(|(_, model)| model).collect();
            all.extend(models.iter().cloned());
        }
        let ends = models.into_iter().flat_map(|model| model.respond(self.request.status));
        all.extend(ends.map(|(_, model)| model));
        all
    }
}

/// Returns the states after these words, whose calls were answered like this.
pub(super) fn hear(
    mut models: Vec<Model>,
    words: &[Word],
    heard: &[String],
) -> Result<Vec<Model>, String> {
    let mut heard = heard.iter();
    for word in words {
        let answers: Vec<_> = models.iter().flat_map(|model| model.clone().word(*word)).collect();
        let is_asked = answers.iter().any(|(answer, _)| answer.is_some());
        let answered = if is_asked { heard.next() } else { None };
        let (right, wrong): (Vec<_>, Vec<_>) =
            answers.into_iter().partition(|(answer, _)| answer.as_ref() == answered);
        if right.is_empty() {
            return Err(format!("{word:?} was answered {answered:?}, not as in {wrong:?}"));
        }
        models = right.into_iter().map(|(_, model)| model).collect();
    }
    Ok(models)
}

/// Returns the states of which something is true, or all of them if it is of none.
pub(super) fn matching(
    models: Vec<Model>,
    is_true: impl Fn(&Model) -> bool,
) -> Result<Vec<Model>, Vec<Model>> {
    if !models.iter().any(&is_true) {
        return Err(models);
    }
    Ok(models.into_iter().filter(is_true).collect())
}
