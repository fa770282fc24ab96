//! Every attack ends as the protocol's page says.

use super::lead::{Wanted, capture};
use likeness_device::{Attack, ClientError, Comes, Device, Way};
use likeness_liveness::message::AttemptStatus;

#[tokio::test(start_paused = true)]
async fn every_attack_ends_as_documented() {
    let mut others = Vec::new();
    for way in [Way::Socket, Way::Requests] {
        for attack in Attack::ALL {
            // A second connection goes over a network.
            if attack == Attack::SecondSocket || (way == Way::Requests && attack.needs_a_socket()) {
                continue;
            }
            let (outcome, _) =
                capture(way, Device::default(), Wanted { seed: 3, ..Wanted::default() }, &mut attack.attacker()).await;
            let case = format!("{way:?} {attack:?}: {outcome:?}");
            let is_as_documented = match (attack.comes(), &outcome) {
                (Comes::Fails(code), Ok(outcome)) => outcome.code == Some(code),
                (Comes::Closes, Err(ClientError::Closed | ClientError::Refused(_))) => true,
                (Comes::Nothing, Ok(outcome)) => outcome.status == AttemptStatus::Succeeded,
                _ => false,
            };
            if !is_as_documented {
                others.push(case);
            }
        }
    }
    assert!(others.is_empty(), "{}", others.join("\n"));
}
