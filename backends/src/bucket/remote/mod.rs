//! Buckets in a cloud's object store, or in one that speaks its language.

mod credentials;
mod io;

use std::path::Path as FilePath;
use std::sync::Arc;
use std::time::Duration;
use std::{env, fs};

use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey, S3ConditionalPut};
use object_store::azure::MicrosoftAzureBuilder;
use object_store::client::SpawnedReqwestConnector;
use object_store::gcp::GoogleCloudStorageBuilder;
use object_store::path::Path;
use object_store::prefix::PrefixStore;
use object_store::{
    BackoffConfig, Certificate, ClientOptions, ObjectStore, Result as StoreResult, RetryConfig,
};
use standfast_core::{Error, ErrorKind, Result};

use self::credentials::CredentialsFile;
use self::io::io;
use super::error::fail;
use super::objects::Objects;
use super::options::RemoteOptions;
use super::place::{Cloud, Remote};

const OPEN: &str = "open bucket";
/// A connection that is not made by then will not be.
const CONNECT: Duration = Duration::from_secs(3);
/// How often a call that failed in passing is made again before its caller is told.
const RETRIES: usize = 3;
/// For how long.
const RETRY_FOR: Duration = Duration::from_secs(10);

/// Opens the store of a place; says nothing to it yet.
///
/// # Errors
/// `Config` with what is wrong with the settings, the files they name, or the environment.
pub(super) fn open(remote: &Remote, options: &RemoteOptions) -> Result<Arc<dyn ObjectStore>> {
    // Another part of the process may have chosen one: any will do.
    drop(rustls::crypto::ring::default_provider().install_default());
    let client = client(options)?;
    let connector = SpawnedReqwestConnector::new(io()?);
    let store = match remote.cloud {
        Cloud::S3 => s3(remote, options, (client, connector))?,
        Cloud::Google => google(remote, options, (client, connector)).map_err(unfit)?,
        Cloud::Azure => azure(remote, options, (client, connector)).map_err(unfit)?,
    };
    Ok(Arc::new(PrefixStore::new(store, remote.prefix.clone())))
}

fn unfit(source: object_store::Error) -> Error {
    fail(
        ErrorKind::Config,
        OPEN,
        "the settings, or the environment, do not do",
    )
    .source(source)
}

/// Deletes everything of a cluster below the prefix of a place.
///
/// # Errors
/// `Auth`, `Unavailable`.
pub(super) async fn delete_all(
    remote: &Remote,
    options: &RemoteOptions,
    cluster: &str,
) -> Result<()> {
    let objects = Objects::new(open(remote, options)?, None);
    for found in objects.list(&Path::from_iter([cluster])).await? {
        objects.delete(&found.location).await?;
    }
    Ok(())
}

fn client(options: &RemoteOptions) -> Result<ClientOptions> {
    // How long a call may take depends on how much it carries: see `Objects`.
    let mut client = ClientOptions::new()
        .with_timeout_disabled()
        .with_connect_timeout(CONNECT)
        .with_allow_http(options.is_plain());
    if let Some(file) = &options.ca_file {
        // Whom the system trusts as well may sign for anybody.
        client = client.with_no_system_certificates(true);
        for certificate in read("ca_file", file, Certificate::from_pem_bundle)? {
            client = client.with_root_certificate(certificate);
        }
    }
    Ok(client)
}

fn read<T>(key: &str, file: &FilePath, parse: impl FnOnce(&[u8]) -> StoreResult<T>) -> Result<T> {
    let wrong = || {
        fail(
            ErrorKind::Config,
            OPEN,
            format!("`{key} = \"{}\"`", file.display()),
        )
    };
    let bytes = fs::read(file).map_err(|source| wrong().source(source))?;
    parse(&bytes).map_err(|source| wrong().source(source))
}

fn retry() -> RetryConfig {
    RetryConfig {
        backoff: BackoffConfig {
            init_backoff: Duration::from_millis(50),
            max_backoff: Duration::from_secs(2),
            base: 2.0,
        },
        max_retries: RETRIES,
        retry_timeout: RETRY_FOR,
    }
}

fn s3(
    remote: &Remote,
    options: &RemoteOptions,
    (client, connector): (ClientOptions, SpawnedReqwestConnector),
) -> Result<Box<dyn ObjectStore>> {
    let bucket = remote.bucket.as_str();
    let path_style = options
        .path_style
        .unwrap_or_else(|| options.endpoint.is_some() || bucket.contains('.'));
    let mut builder = from_environment()
        .with_bucket_name(bucket)
        .with_retry(retry())
        .with_client_options(client)
        .with_http_connector(connector)
        .with_virtual_hosted_style_request(!path_style)
        // One by one, so that each refusal is told as what it is.
        .with_disable_bulk_delete(true)
        // Without it two leaders could both publish.
        .with_conditional_put(S3ConditionalPut::ETagMatch);
    if let Some(endpoint) = &options.endpoint {
        builder = builder.with_endpoint(match endpoint.split_once("://") {
            Some((scheme, host)) if !path_style => format!("{scheme}://{bucket}.{host}"),
            _ => endpoint.clone(),
        });
    }
    if let Some(region) = &options.region {
        builder = builder.with_region(region);
    }
    if let Some(file) = &options.credentials_file {
        let credentials = CredentialsFile::open(file, options.profile.as_deref())?;
        builder = builder.with_credentials(Arc::new(credentials));
    }
    if lends(&builder, options) {
        tracing::info!(
            "no keys for {bucket} are configured: the machine is asked for lent ones; else set AWS_ACCESS_KEY_ID and \
             AWS_SECRET_ACCESS_KEY, or `credentials_file`"
        );
    }
    let encryption = [
        ("aws_server_side_encryption", &options.encryption),
        ("aws_sse_kms_key_id", &options.kms_key),
    ];
    for (key, value) in encryption {
        if let Some(value) = value {
            let key: AmazonS3ConfigKey = key.parse().expect("a key of the object store");
            builder = builder.with_config(key, value);
        }
    }
    Ok(Box::new(builder.build().map_err(unfit)?))
}

/// What the environment may say: whose keys, and which region. How the store is spoken to is in the configuration, the same for
/// all nodes.
fn from_environment() -> AmazonS3Builder {
    const KEYS: [&str; 12] = [
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "AWS_REGION",
        "AWS_DEFAULT_REGION",
        "AWS_WEB_IDENTITY_TOKEN_FILE",
        "AWS_ROLE_ARN",
        "AWS_ROLE_SESSION_NAME",
        "AWS_ENDPOINT_URL_STS",
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
    ];
    KEYS.iter().fold(AmazonS3Builder::new(), |builder, name| {
        let key = name.to_ascii_lowercase().parse::<AmazonS3ConfigKey>();
        match (key, env::var(name)) {
            (Ok(key), Ok(value)) => builder.with_config(key, value),
            _ => builder,
        }
    })
}

/// Whether the keys are those that a machine is lent by its cloud.
fn lends(builder: &AmazonS3Builder, options: &RemoteOptions) -> bool {
    let named = [
        AmazonS3ConfigKey::AccessKeyId,
        AmazonS3ConfigKey::WebIdentityTokenFile,
        AmazonS3ConfigKey::ContainerCredentialsRelativeUri,
        AmazonS3ConfigKey::ContainerCredentialsFullUri,
    ];
    options.credentials_file.is_none()
        && named
            .iter()
            .all(|key| builder.get_config_value(key).is_none())
}

fn google(
    remote: &Remote,
    options: &RemoteOptions,
    (client, connector): (ClientOptions, SpawnedReqwestConnector),
) -> StoreResult<Box<dyn ObjectStore>> {
    let mut builder = GoogleCloudStorageBuilder::from_env()
        .with_bucket_name(&remote.bucket)
        .with_retry(retry())
        .with_client_options(client)
        .with_http_connector(connector);
    if let Some(endpoint) = &options.endpoint {
        builder = builder.with_base_url(endpoint);
    }
    if let Some(file) = &options.credentials_file {
        builder = builder.with_service_account_path(file.display().to_string());
    }
    Ok(Box::new(builder.build()?))
}

fn azure(
    remote: &Remote,
    options: &RemoteOptions,
    (client, connector): (ClientOptions, SpawnedReqwestConnector),
) -> StoreResult<Box<dyn ObjectStore>> {
    let mut builder = MicrosoftAzureBuilder::from_env()
        .with_container_name(&remote.bucket)
        .with_retry(retry())
        .with_client_options(client)
        .with_http_connector(connector);
    if let Some(endpoint) = &options.endpoint {
        builder = builder.with_endpoint(endpoint.clone());
    }
    Ok(Box::new(builder.build()?))
}
