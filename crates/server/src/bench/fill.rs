//! A container filled behind the back of a server, which would take an hour over the same.

use super::command;
use crate::config::Config;
use crate::start::{IfMissing, open_store};
use anyhow::{Context, Result};
use likeness_base::Secret;
use likeness_service::networks::Networks;
use likeness_service::randomness::{SystemRandomness, random_id};
use likeness_service::templates;
use likeness_store::{
    Applied, Command, ContainerKind, ContainerName, ContainerWrite, FaceWrite, NewFace, PersonWrite, Store, StoreError,
    Write,
};
use std::sync::Arc;

/// Faces of one person, where there are people.
const FACES_OF_PERSON: usize = 100;
/// Writes under way at once.
const AT_ONCE: usize = 256;

/// Makes the container `bench` of that kind in the store that the settings name, with so many random faces.
///
/// # Errors
/// When the store cannot be opened or written.
pub(super) async fn fill(config: &Config, networks: &Networks, kind: ContainerKind, faces: usize) -> Result<()> {
    let store = open_store(config, IfMissing::Refuse).await?.store;
    let account = store.accounts().await?.first().context("the first start made an account")?.id;
    let apply = |write: Write| applied(store.clone(), command(account, write));
    let container = ContainerName { kind, id: "bench".to_owned() };
    let (name, model) = (Secret::new("bench".to_owned()), "recognition_04".to_owned());
    apply(ContainerWrite::Create { container: container.clone(), name, user_data: None, model, limit: None }.into())
        .await?;
    let mut random = fastrand::Rng::with_seed(4);
    let mut under_way = tokio::task::JoinSet::new();
    let mut person = None;
    for number in 0..faces {
        if kind == ContainerKind::LargePersonGroup && number % FACES_OF_PERSON == 0 {
            let somebody = random_id(&SystemRandomness);
            let (container, name) = (container.clone(), Secret::new("bench".to_owned()));
            let (limit, account_limit, user_data) = (None, None, None);
            apply(PersonWrite::Create { container, person: somebody, name, user_data, limit, account_limit }.into())
                .await?;
            person = Some(somebody);
        }
        let template: Vec<f32> =
            (0..networks.recognisers.default_recogniser().space.dimension).map(|_| random.f32() - 0.5).collect();
        let face = NewFace {
            id: random_id(&SystemRandomness),
            template: templates::encode(&template),
            space: networks.recognisers.default_recogniser().space_id.to_string(),
            user_data: None,
        };
        under_way.spawn(apply(FaceWrite::Add { container: container.clone(), person, face, limit: None }.into()));
        if under_way.len() >= AT_ONCE
            && let Some(done) = under_way.join_next().await
        {
            done??;
        }
    }
    while let Some(done) = under_way.join_next().await {
        done??;
    }
    store.close().await;
    Ok(())
}

async fn applied(store: Arc<dyn Store>, command: Command) -> Result<Applied, StoreError> {
    store.apply(command).await
}
