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
    /// Takes the flow out of the store at once.
    Claim,
    /// Puts a value under a key.
    Note(char, u32),
    /// Sets the field that is compared by itself.
    Seat(u32),
    /// Sets a field of a group.
    Low(u32),
    /// Sets the other field of the group.
    High(u32),
    LogIn(char),
    LogOut,
    Destroy,
    Rotate,
    Remember,
    Save,
    /// Reads the hits, and writes the theme and the cart, in a transaction.
    Transact(u32),
    /// Reads the session as a snapshot.
    Peek,
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

impl Request {
    /// Makes a request whose handler only has these words, and itself answers `status`.
    pub(super) fn of(then: &[Word], status: u16) -> Self {
        Self {
            client: 0,
            replays: None,
            first: Vec::new(),
            between: Vec::new(),
            then: then.to_vec(),
            status,
            fault: None,
            end: End::Answers,
        }
    }
}

#[derive(Clone, Debug)]
pub(super) enum Step {
    Request(Request),
    /// So many seconds pass.
    Wait(u64),
}

/// Draws a sequence. `compares`: the sessions have the words that only sessions in a store have.
pub(super) fn sequence(random: &mut Random, compares: bool) -> Vec<Step> {
    let length = 3 + random.below(6);
    (0..length).map(|_| step(random, compares, true)).collect()
}

fn step(random: &mut Random, compares: bool, may_nest: bool) -> Step {
    if random.once_in(5) {
        return Step::Wait(random.of(&[1, 59, 61, 600, 29 * 60, 31 * 60, 13 * 3600]));
    }
    let nests = may_nest && random.once_in(2);
    let inner = if nests { 1 + random.below(2) } else { 0 };
    let between = (0..inner).map(|_| step(random, compares, false)).collect();
    let words = |random: &mut Random, most| {
        let length = random.below(most);
        (0..length).map(|_| word(random, compares)).collect::<Vec<_>>()
    };
    let first = words(random, 4);
    let then = words(random, 5);
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

fn word(random: &mut Random, compares: bool) -> Word {
    let number = |random: &mut Random| u32::try_from(random.below(3)).unwrap_or(0);
    match random.below(if compares { 28 } else { 23 }) {
        0 | 1 => Word::Theme(number(random)),
        2 | 3 => Word::Push(number(random)),
        4 | 5 => Word::Hit,
        6 => Word::SetFlow(number(random)),
        7 | 8 => Word::TakeFlow,
        9..=11 => Word::LogIn(random.of(&['a', 'b'])),
        12 => Word::LogOut,
        13 => Word::Destroy,
        14 => Word::Rotate,
        15 => Word::Remember,
        16 => Word::Note(random.of(&['x', 'y']), number(random)),
        17..=19 => Word::Save,
        20 | 21 => Word::Transact(number(random)),
        22 => Word::Peek,
        23 | 24 => Word::Claim,
        25 => Word::Seat(number(random)),
        26 => Word::Low(number(random)),
        _ => Word::High(number(random)),
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
