//! The scratch accounts that promises are tried on, and the eyes of a thief.

use crate::bench::client::Client;
use crate::config::Config;
use anyhow::{Context, Result, ensure};
use axum::body::Bytes;
use likeness_base::Secret;
use likeness_rules::Approvals;
use likeness_service::access::new_key;
use likeness_service::accounts::lifecycle::AccountSpec;
use likeness_service::accounts::{AccountService, Attribution};
use likeness_store::AccountId;
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// What is put into names and user data, so that it can be searched for in files.
pub(super) const MARK: &str = "words-that-nobody-may-read-in-a-file";

/// An account and a connection with its first key.
pub(super) struct Party {
    pub(super) id: AccountId,
    pub(super) name: String,
    pub(super) keys: [Secret<String>; 2],
    address: SocketAddr,
    client: Client,
}

impl Party {
    async fn make(service: &AccountService, address: SocketAddr, approvals: Approvals) -> Result<Self> {
        let draw = likeness_service::randomness::random_id(&*service.randomness).simple().to_string();
        let name = format!("privacy-check-{}", &draw[..12]);
        let keys = [new_key(&*service.randomness), new_key(&*service.randomness)];
        let spec = AccountSpec { approvals, ..AccountSpec::named(&name) };
        let id = service.create(&Attribution::of_operator(), spec, keys.clone()).await?;
        let client = Client::connect(address, keys[0].expose()).await?;
        Ok(Self { id, name, keys, address, client })
    }

    /// Sends JSON, or nothing for `null`; status and answer.
    pub(super) async fn json(&mut self, method: &str, path: &str, body: &Value) -> Result<(u16, Value)> {
        let body = if body.is_null() { Bytes::new() } else { Bytes::from(body.to_string()) };
        self.send(method, path, "application/json", body).await
    }

    /// Sends this limited access token along from now on, or none.
    pub(super) fn lend(&mut self, token: Option<&str>) {
        self.client.lent = token.map(|token| Secret::new(format!("Bearer {token}")));
    }

    /// Sends a picture.
    pub(super) async fn picture(&mut self, path: &str, photo: &Bytes) -> Result<(u16, Value)> {
        self.send("POST", path, "application/octet-stream", photo.clone()).await
    }

    async fn send(&mut self, method: &str, path: &str, media: &str, body: Bytes) -> Result<(u16, Value)> {
        let path = if path.starts_with('/') { path.to_owned() } else { format!("/face/v1.0/{path}") };
        let answer = match self.client.ask(method, &path, media, body.clone()).await {
            Ok(answer) => answer,
            // A server hangs up on a connection that was silent for long, as while we wait for something to expire.
            Err(_) => {
                let lent = self.client.lent.take();
                self.client = Client::connect(self.address, self.keys[0].expose()).await?;
                self.client.lent = lent;
                self.client.ask(method, &path, media, body).await?
            }
        };
        let (status, _, bytes) = answer;
        // A token comes as it is.
        let as_text = || String::from_utf8(bytes.to_vec()).map_or(Value::Null, Value::String);
        Ok((status, serde_json::from_slice(&bytes).unwrap_or_else(|_| as_text())))
    }
}

/// Everything the checks need.
pub(super) struct Scratch {
    pub(super) service: AccountService,
    pub(super) address: SocketAddr,
    pub(super) photo: Bytes,
    /// May do everything.
    pub(super) own: Party,
    /// Somebody else.
    pub(super) other: Party,
    /// Approved for nothing.
    pub(super) bare: Party,
    /// `left,top,width,height` of a face of the photo.
    pub(super) target: String,
    /// The folder in which SQLite keeps the records; none for another store.
    files: Option<PathBuf>,
}

impl Scratch {
    pub(super) async fn make(
        config: &Config,
        service: AccountService,
        address: SocketAddr,
        photo: Vec<u8>,
    ) -> Result<Self> {
        let files = if config.store.target()?.is_none() { Some(config.data.clone()) } else { None };
        // Before anything is made.
        let knock = Client::connect(address, "").await;
        drop(knock.with_context(|| format!("no server answers at {address}; start it, or say --address"))?);
        let mut made = Vec::new();
        for approvals in [Approvals::everything(), Approvals::everything(), Approvals::default()] {
            match Party::make(&service, address, approvals).await {
                Ok(party) => made.push(party),
                Err(error) => {
                    close(&service, &made).await;
                    return Err(error);
                }
            }
        }
        let [own, other, bare] = made.try_into().map_err(|_| anyhow::anyhow!("three accounts are made"))?;
        Ok(Self { service, address, photo: Bytes::from(photo), own, other, bare, target: String::new(), files })
    }

    /// Finds a face in the photo.
    pub(super) async fn look(&mut self) -> Result<()> {
        let path = "detect?recognitionModel=recognition_04&faceIdTimeToLive=60";
        let (status, faces) = self.own.picture(path, &self.photo).await?;
        ensure!(status == 200, "the photo cannot be looked at: {faces}");
        let rect = faces[0]["faceRectangle"].clone();
        ensure!(rect.is_object(), "there is no face in the photo; name another with --photo");
        self.target = format!("{},{},{},{}", rect["left"], rect["top"], rect["width"], rect["height"]);
        Ok(())
    }

    /// A person with a face in a new group; gives the group, the person and the path of the face.
    pub(super) async fn enrol(&mut self, group: &str) -> Result<(String, String)> {
        let about = json!({ "name": MARK, "userData": MARK, "recognitionModel": "recognition_04" });
        let (status, answer) = self.own.json("PUT", &format!("largepersongroups/{group}"), &about).await?;
        ensure!(status == 200, "a group cannot be made: {answer}");
        let (_, person) = self.own.json("POST", &format!("largepersongroups/{group}/persons"), &about).await?;
        let person = person["personId"].as_str().context("a person cannot be made")?.to_owned();
        let faces = format!("largepersongroups/{group}/persons/{person}/persistedfaces");
        let path = format!("{faces}?targetFace={}&userData={MARK}", self.target);
        let (status, face) = self.own.picture(&path, &self.photo).await?;
        ensure!(status == 200, "a face cannot be added: {face}");
        let face = face["persistedFaceId"].as_str().context("a face has no id")?;
        Ok((person, format!("{faces}/{face}")))
    }

    /// Approves one of the accounts for this and nothing else.
    pub(super) async fn approve(&self, account: AccountId, approvals: &Approvals) -> Result<()> {
        let change = |settings: &mut likeness_rules::Settings| {
            settings.approvals.clone_from(approvals);
            Ok(())
        };
        let detail = json!({ "approvals": approvals });
        self.service.change(account, &Attribution::of_operator(), &detail, change).await?;
        Ok(())
    }

    /// Trains a group and waits.
    pub(super) async fn train(&mut self, group: &str) -> Result<()> {
        self.own.json("POST", &format!("largepersongroups/{group}/train"), &Value::Null).await?;
        for _ in 0..400 {
            let path = format!("largepersongroups/{group}/training");
            if self.own.json("GET", &path, &Value::Null).await?.1["status"] == "succeeded" {
                return Ok(());
            }
            tokio::time::sleep(std::time::Duration::from_millis(25)).await;
        }
        anyhow::bail!("the training does not end")
    }

    /// How many of these pieces are in the files; `None` where the files are the database server's.
    pub(super) fn found(&self, pieces: &[&[u8]]) -> Result<Option<usize>> {
        let Some(folder) = &self.files else { return Ok(None) };
        let bytes = all_bytes(folder)?;
        let is_there = |piece: &&&[u8]| bytes.windows(piece.len()).any(|window| window == **piece);
        Ok(Some(pieces.iter().filter(is_there).count()))
    }

    /// Destroys the scratch accounts.
    pub(super) async fn clear(self) {
        close(&self.service, &[self.own, self.other, self.bare]).await;
    }
}

async fn close(service: &AccountService, parties: &[Party]) {
    for party in parties {
        let closed = service.close(party.id, &Attribution::of_operator(), 0).await;
        // One was closed by the check of closing.
        drop(closed);
    }
}

fn all_bytes(folder: &Path) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    for entry in std::fs::read_dir(folder).with_context(|| format!("{} cannot be read", folder.display()))? {
        let path = entry?.path();
        if path.is_dir() {
            bytes.extend(all_bytes(&path)?);
        } else {
            // A file may go while we look: keys of hours do.
            bytes.extend(std::fs::read(&path).unwrap_or_default());
        }
    }
    Ok(bytes)
}
