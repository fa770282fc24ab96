//! HTTPS: with a certificate from files that is read again when they change, or for development with a certificate
//! authority of our own in the data folder.
//!
//! The authority is made once, so that it can be trusted once; its certificate for this machine is made anew at every
//! start and never written.

use anyhow::{Context, Result, bail};
use arc_swap::ArcSwap;
use likeness_base::Secret;
use likeness_service::clock::pause;
use rcgen::{
    BasicConstraints, CertificateParams, CidrSubnet, DnType, ExtendedKeyUsagePurpose, GeneralSubtree, IsCa, Issuer,
    KeyPair, KeyUsagePurpose, NameConstraints,
};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use std::net::{IpAddr, Ipv6Addr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::sync::watch;

/// How often the files of a certificate are checked for changes.
const RELOAD_EVERY: Duration = Duration::from_secs(5);

/// The configuration in force; connections that are made from now on get it.
pub type CurrentTlsConfig = Arc<ArcSwap<rustls::ServerConfig>>;

/// A certificate from files.
pub struct Files {
    certificate: PathBuf,
    key: PathBuf,
    current: CurrentTlsConfig,
    read_at: [Option<SystemTime>; 2],
}

impl Files {
    /// Reads both files.
    ///
    /// # Errors
    /// When one cannot be read or they do not belong together; the text says which and what is expected.
    pub fn read(certificate: &Path, key: &Path) -> Result<Self> {
        let read_at = [certificate, key].map(modified);
        let current = Arc::new(ArcSwap::new(from_files(certificate, key)?));
        Ok(Self { certificate: certificate.to_owned(), key: key.to_owned(), current, read_at })
    }

    /// The configuration, for the listener.
    pub fn current(&self) -> CurrentTlsConfig {
        self.current.clone()
    }

    /// Reads the files again whenever they have changed, until stopped. Files that do not fit leave the former
    /// certificate in force: whoever renews writes two files, and not at once.
    pub async fn follow(mut self, mut stopped: watch::Receiver<bool>) {
        // Files that do not fit are tried again, and logged once.
        let mut refused = self.read_at;
        loop {
            tokio::select! {
                () = pause(RELOAD_EVERY) => {}
                _ = stopped.wait_for(|stopped| *stopped) => return,
            }
            let found = [&*self.certificate, &*self.key].map(modified);
            if found == self.read_at {
                continue;
            }
            match from_files(&self.certificate, &self.key) {
                Ok(config) => {
                    self.current.store(config);
                    self.read_at = found;
                    tracing::info!("The certificate was read again");
                }
                Err(error) if found != refused => {
                    refused = found;
                    tracing::error!("The new certificate cannot be used, the former stays: {error:#}");
                }
                Err(_) => {}
            }
        }
    }
}

fn modified(path: &Path) -> Option<SystemTime> {
    std::fs::metadata(path).and_then(|data| data.modified()).ok()
}

fn from_files(certificate: &Path, key: &Path) -> Result<Arc<rustls::ServerConfig>> {
    let read = |path: &Path| {
        std::fs::read(path).map(Secret::new).with_context(|| format!("the file {} cannot be read", path.display()))
    };
    let (chain, key_bytes) = (read(certificate)?, read(key)?);
    let chain = CertificateDer::pem_slice_iter(chain.expose()).collect::<Result<Vec<_>, _>>();
    let chain = chain.with_context(|| format!("{} is not a certificate in PEM form", certificate.display()))?;
    if chain.is_empty() {
        bail!("{} contains no certificate in PEM form", certificate.display());
    }
    let private = PrivateKeyDer::from_pem_slice(key_bytes.expose())
        .with_context(|| format!("{} is not a private key in PEM form", key.display()))?;
    let config = rustls::ServerConfig::builder().with_no_client_auth().with_single_cert(chain, private);
    let (certificate, key) = (certificate.display(), key.display());
    let mut config = config.with_context(|| format!("{certificate} and {key} do not belong together"))?;
    config.alpn_protocols = protocols();
    Ok(Arc::new(config))
}

fn protocols() -> Vec<Vec<u8>> {
    vec![b"h2".to_vec(), b"http/1.1".to_vec()]
}

/// The certificate that clients must trust.
pub fn authority_file(data: &Path) -> PathBuf {
    data.join("tls").join("development-ca.pem")
}

/// A TLS configuration for `localhost`, made with the development authority in the data folder.
///
/// # Errors
/// When the folder cannot be written or holds something else.
pub fn development(data: &Path) -> Result<CurrentTlsConfig> {
    let issuer = authority(data).context("the development certificate authority cannot be made")?;
    let key = KeyPair::generate()?;
    let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned(), "::1".to_owned()];
    let mut params = CertificateParams::new(names)?;
    params.distinguished_name.push(DnType::CommonName, "localhost");
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.use_authority_key_identifier_extension = true;
    let certificate = params.signed_by(&key, &issuer)?;
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let mut config =
        rustls::ServerConfig::builder().with_no_client_auth().with_single_cert(vec![certificate.der().clone()], key)?;
    config.alpn_protocols = protocols();
    Ok(Arc::new(ArcSwap::from_pointee(config)))
}

/// Reads the authority, or makes it.
fn authority(data: &Path) -> Result<Issuer<'static, KeyPair>> {
    let certificate_file = authority_file(data);
    let key_file = certificate_file.with_file_name("development-ca.key");
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, "Likeness development authority");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    // Whoever trusts it trusts it for this machine alone: its key lies in a folder that may be copied.
    params.name_constraints = Some(NameConstraints {
        permitted_subtrees: vec![
            GeneralSubtree::DnsName("localhost".to_owned()),
            GeneralSubtree::IpAddress(CidrSubnet::V4([127, 0, 0, 0], [255, 0, 0, 0])),
            GeneralSubtree::IpAddress(CidrSubnet::from_addr_prefix(IpAddr::V6(Ipv6Addr::LOCALHOST), 128)),
        ],
        excluded_subtrees: Vec::new(),
    });
    if certificate_file.exists() && key_file.exists() {
        let key = KeyPair::from_pem(&std::fs::read_to_string(&key_file)?)?;
        return Ok(Issuer::new(params, key));
    }
    let folder = certificate_file.parent().unwrap_or(data);
    std::fs::create_dir_all(folder).with_context(|| format!("the folder {} cannot be made", folder.display()))?;
    let key = KeyPair::generate()?;
    let certificate = params.self_signed(&key)?;
    likeness_service::files::write_private(&key_file, key.serialize_pem().as_bytes())?;
    std::fs::write(&certificate_file, certificate.pem())?;
    Ok(Issuer::new(params, key))
}
