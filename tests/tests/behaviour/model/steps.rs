//! The steps of a sequence, drawn from a seed.

use tests::Verb;

/// A generator of numbers that a seed repeats: `SplitMix64`.
pub(super) struct Random(u64);

impl Random {
    pub(super) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }

    /// Returns true once in so many times.
    fn once_in(&mut self, times: u64) -> bool {
        self.below(times) == 0
    }

    fn of<T: Copy>(&mut self, all: &[T]) -> T {
        let at = self.below(u64::try_from(all.len()).unwrap_or(1));
        all[usize::try_from(at).unwrap_or(0)]
    }
}

/// One act of a handler on its session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Word {
    Theme(u32),
    Push(u32),
    Hit,
    SetFlow(u32),
    TakeFlow,
    LogIn(char),
    LogOut,
    Destroy,
    Rotate,
    Remember,
}

/// The end of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    Answers,
    /// The client leaves while the handler runs.
    DroppedInHandler,
    /// The client leaves while the store is at work.
    DroppedInCommit,
}

#[derive(Clone, Debug)]
pub(super) struct Request {
    pub(super) client: usize,
    /// The token is an old one, not the client's.
    pub(super) replays: Option<usize>,
    /// The acts of the handler before the other steps.
    pub(super) first: Vec<Word>,
    /// The steps in the middle of the request.
    pub(super) between: Vec<Step>,
    pub(super) then: Vec<Word>,
    pub(super) status: u16,
    /// The operation of the store that fails from the middle of the request on.
    pub(super) fault: Option<Verb>,
    pub(super) end: End,
}

#[derive(Clone, Debug)]
pub(super) enum Step {
    Request(Request),
    /// So many seconds pass.
    Wait(u64),
}

pub(super) fn sequence(random: &mut Random) -> Vec<Step> {
    let length = 3 + random.below(6);
    (0..length).map(|_| step(random, true)).collect()
}

fn step(random: &mut Random, may_nest: bool) -> Step {
    if random.once_in(5) {
        return Step::Wait(random.of(&[1, 59, 61, 600, 29 * 60, 31 * 60, 13 * 3600]));
    }
    let nests = may_nest && random.once_in(2);
    let between =
        if nests { (0..=random.below(2)).map(|_| step(random, false)).collect() } else { vec![] };
    let words = |random: &mut Random, most| {
        let length = random.below(most);
        (0..length).map(|_| word(random)).collect::<Vec<_>>()
    };
    let first = words(random, 3);
    let then = words(random, 4);
    let end = match random.below(16) {
        0 if nests => End::DroppedInHandler,
        1 if may_nest => End::DroppedInCommit,
        _ => End::Answers,
    };
    let operations = [Verb::Replace, Verb::Insert, Verb::Remove, Verb::Touch, Verb::Load];
    Step::Request(Request {
        client: usize::try_from(random.below(2)).unwrap_or(0),
        replays: random.once_in(8).then(|| usize::try_from(random.below(8)).unwrap_or(0)),
        first,
        between,
        then,
        status: random.of(&[200, 200, 200, 200, 303, 404, 500, 408]),
        fault: random.once_in(8).then(|| random.of(&operations)),
        end,
    })
}

fn word(random: &mut Random) -> Word {
    match random.below(16) {
        0 | 1 => Word::Theme(u32::try_from(random.below(3)).unwrap_or(0)),
        2 | 3 => Word::Push(u32::try_from(random.below(100)).unwrap_or(0)),
        4 | 5 => Word::Hit,
        6 => Word::SetFlow(u32::try_from(random.below(3)).unwrap_or(0)),
        7 | 8 => Word::TakeFlow,
        9..=11 => Word::LogIn(random.of(&['a', 'b'])),
        12 => Word::LogOut,
        13 => Word::Destroy,
        14 => Word::Rotate,
        _ => Word::Remember,
    }
}

impl Step {
    /// Returns the same step with less in it.
    pub(super) fn smaller(&self) -> Vec<Self> {
        let Self::Request(request) = self else { return Vec::new() };
        let mut all = Vec::new();
        let mut with = |change: &dyn Fn(&mut Request)| {
            let mut smaller = request.clone();
            change(&mut smaller);
            all.push(Self::Request(smaller));
        };
        for at in 0..request.first.len() {
            with(&|request| _ = request.first.remove(at));
        }
        for at in 0..request.then.len() {
            with(&|request| _ = request.then.remove(at));
        }
        for at in 0..request.between.len() {
            with(&|request| _ = request.between.remove(at));
            for inner in request.between[at].smaller() {
                with(&|request| request.between[at] = inner.clone());
            }
        }
        if request.fault.is_some() {
            with(&|request| request.fault = None);
        }
        if request.replays.is_some() {
            with(&|request| request.replays = None);
        }
        all
    }
}
