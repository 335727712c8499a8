//! Who is killed when, and for how long: what the seed decides.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::sleep;

use crate::dice::Dice;
use crate::part::Role;
use crate::supervisor::Handle;

/// How often each role is the victim where it is there, in parts of their sum.
const WEIGHTS: [(Role, u64); 5] = [
    (Role::Server, 35),
    (Role::Edge, 15),
    (Role::Sqs, 15),
    (Role::Consumer, 15),
    (Role::Database, 20),
];
/// Until somebody is up again.
const ALL_DOWN_PAUSE: Duration = Duration::from_millis(50);
/// So many times in a hundred a part is down for long.
const LONG_PERCENT: u64 = 10;

/// Kills so often, and says how often whom.
pub(crate) async fn kill(handles: &[Handle], kills: usize, dice: &mut Dice) -> BTreeMap<Role, usize> {
    let mut killed = BTreeMap::new();
    for _ in 0..kills {
        sleep(dice.between(900, 1900)).await;
        let (victim, down) = (victim(handles, dice), down(dice));
        let role = kill_one(handles, victim, down).await;
        *killed.entry(role).or_default() += 1;
    }
    killed
}

/// Kills the chosen one, or the next one that is up where it is down already, and tells what that was.
async fn kill_one(handles: &[Handle], victim: usize, down: Duration) -> Role {
    loop {
        let mut candidates = handles.iter().cycle().skip(victim).take(handles.len());
        if let Some(handle) = candidates.find(|handle| handle.kill(down)) {
            return handle.role;
        }
        sleep(ALL_DOWN_PAUSE).await;
    }
}

fn victim(handles: &[Handle], dice: &mut Dice) -> usize {
    let present = WEIGHTS
        .iter()
        .filter(|(role, _)| handles.iter().any(|handle| handle.role == *role));
    let mut throw = dice.below(present.clone().map(|(_, weight)| weight).sum());
    let mut role = Role::Server;
    for (candidate, weight) in present {
        role = *candidate;
        match throw.checked_sub(*weight) {
            Some(rest) => throw = rest,
            None => break,
        }
    }
    let of_role: Vec<_> = (0..handles.len())
        .filter(|index| handles[*index].role == role)
        .collect();
    let which = dice.below(of_role.len() as u64);
    of_role[usize::try_from(which).unwrap_or_default()]
}

/// Mostly as long as it takes to start again, sometimes long enough that others run into their limits.
fn down(dice: &mut Dice) -> Duration {
    let is_long = dice.percent(LONG_PERCENT);
    let short = dice.between(0, 500);
    if is_long { Duration::from_secs(3) } else { short }
}
