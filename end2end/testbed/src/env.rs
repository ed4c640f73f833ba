//! The bed in shell `KEY=value` pairs: for the console, for an estate file, and for witnesses.

use crate::{
    bed::Bed,
    certificates,
    layout::Port,
    parts::{
        dns::{API, SITE, WANTED},
        objects::BUCKET,
        patroni::{self, Member},
        redis::{self, Node},
        sentinel, store,
    },
};

impl Bed {
    /// Every address, user, password and kubeconfig of the bed, in the order in which a person would read them.
    pub fn env(&self) -> Vec<(&'static str, String)> {
        let cluster = self.plane().map(|plane| plane.env()).unwrap_or_default();
        self.data_env().into_iter().chain(cluster).collect()
    }

    fn data_env(&self) -> Vec<(&'static str, String)> {
        let secrets = self.secrets();
        let at = |port: Port| self.layout().address(port).to_string();
        let secret_file = |name: &str| self.layout().secret_file(name).display().to_string();
        let members = Member::ALL.map(|member| at(member.sql())).join(",");
        let patronis = Member::ALL.map(|member| format!("http://{}", at(member.rest())));
        let admin = |port: Port| format!("redis://{}:{}@{}", redis::ADMIN, secrets.redis_admin.reveal(), at(port));
        let store = |user: &str, password: &str| format!("postgres://{user}:{password}@{}/{}", at(Port::Store), store::DATABASE);
        vec![
            (
                "PRIMARY_DSN",
                format!(
                    "postgresql://{}:{}@{members}/{}?target_session_attrs=read-write",
                    patroni::APP,
                    secrets.pg_app.reveal(),
                    patroni::DATABASE
                ),
            ),
            ("PG1", at(Port::Pg1)),
            ("PG2", at(Port::Pg2)),
            ("PG_DATABASE", patroni::DATABASE.to_owned()),
            ("PG_WATCH_USER", patroni::WATCH.to_owned()),
            ("PG_WATCH_PASSWORD", secrets.pg_watch.reveal().to_owned()),
            ("PG_WATCH_PASSWORD_FILE", secret_file("pg-watch")),
            ("PG_BACKUP_USER", patroni::BACKUP.to_owned()),
            ("PG_BACKUP_PASSWORD", secrets.pg_backup.reveal().to_owned()),
            ("PG_BACKUP_PASSWORD_FILE", secret_file("pg-backup")),
            ("PATRONI_URLS", patronis.join(",")),
            ("PATRONI1", patronis[0].clone()),
            ("PATRONI2", patronis[1].clone()),
            ("PATRONI_USER", patroni::USER.to_owned()),
            ("PATRONI_PASSWORD", secrets.patroni.reveal().to_owned()),
            ("PATRONI_PASSWORD_FILE", secret_file("patroni")),
            ("REDIS_URLS", Node::ALL.map(|node| admin(node.port())).join(",")),
            ("REDIS1", at(Port::Redis1)),
            ("REDIS2", at(Port::Redis2)),
            ("SENTINEL_URLS", sentinel::PORTS.map(admin).join(",")),
            ("SENTINEL1", at(Port::Sentinel1)),
            ("SENTINEL2", at(Port::Sentinel2)),
            ("SENTINEL3", at(Port::Sentinel3)),
            ("REDIS_MASTER_NAME", sentinel::MASTER.to_owned()),
            ("REDIS_WATCH_USER", redis::WATCH.to_owned()),
            ("REDIS_WATCH_PASSWORD", secrets.redis_watch.reveal().to_owned()),
            ("REDIS_WATCH_PASSWORD_FILE", secret_file("redis-watch")),
            ("REDIS_ACT_USER", redis::ACT.to_owned()),
            ("REDIS_ACT_PASSWORD", secrets.redis_act.reveal().to_owned()),
            ("REDIS_ACT_PASSWORD_FILE", secret_file("redis-act")),
            ("S3_URL", format!("http://{}", at(Port::Objects))),
            ("S3_BUCKET", BUCKET.to_owned()),
            ("S3_ACCESS_KEY", secrets.objects_access.reveal().to_owned()),
            ("S3_ACCESS_KEY_FILE", secret_file("s3-access-key")),
            ("S3_SECRET_KEY", secrets.objects_secret.reveal().to_owned()),
            ("S3_SECRET_KEY_FILE", secret_file("s3-secret-key")),
            ("STORE_DSN", store(store::APP, secrets.store_app.reveal())),
            ("STORE_OWNER_DSN", store(store::OWNER, secrets.store_owner.reveal())),
            ("SITE_URL", format!("https://{SITE}/")),
            ("SITE_ADDR", at(Port::Site)),
            ("API_URL", format!("https://{API}/health")),
            ("API_ADDR", at(Port::Api)),
            ("CA_FILE", certificates::authority_file(self.layout()).display().to_string()),
            ("RESOLVER", at(Port::Dns)),
            ("DNS_NAME", SITE.to_owned()),
            ("DNS_WANT", WANTED.to_string()),
            ("METRICS_URL", format!("http://{}/metrics", at(Port::Metrics))),
            ("PROMETHEUS", format!("http://{}", at(Port::Prometheus))),
        ]
    }
}

/// One line of a shell's environment file. Values are in single quotes, so that a shell takes them as they are.
pub fn line(key: &str, value: &str) -> String {
    format!("{key}='{}'", value.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shell_reads_a_value_as_it_is() {
        assert_eq!(line("DSN", "a?b=c&d $e"), "DSN='a?b=c&d $e'");
        assert_eq!(line("KEY", "it's"), r"KEY='it'\''s'");
    }
}
