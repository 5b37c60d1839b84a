//! Every statement of the store, prepared once.

use super::counts::Counters;
use super::profiles::Profiles;
use scylla::client::execution_profile::ExecutionProfileHandle;
use scylla::client::session::Session;
use scylla::errors::PrepareError;
use scylla::statement::prepared::PreparedStatement;

/// How a statement is executed.
#[derive(Clone, Copy)]
enum Kind {
    /// Part of a conditional write.
    Conditional,
    /// A read that decides something.
    Serial,
    /// A read or write of a table that no conditional write touches; it may be repeated.
    Ordinary,
    /// As an ordinary read, but nobody's: it is not counted.
    Ping,
}

macro_rules! statements {
    ($($(#[$doc:meta])* $name:ident: $kind:ident $text:literal,)*) => {
        /// The statements.
        pub(super) struct Statements {
            /// Of all conditional writes, batches too.
            pub(super) conditional: ExecutionProfileHandle,
            /// Of batches without a condition.
            pub(super) ordinary: ExecutionProfileHandle,
            pub(super) counters: Counters,
            $($(#[$doc])* pub(super) $name: PreparedStatement,)*
        }

        impl Statements {
            /// Prepares them for a keyspace, which has to have all tables.
            pub(super) async fn prepare(
                session: &Session,
                keyspace: &str,
                profiles: &Profiles,
            ) -> Result<Self, PrepareError> {
                let counters = Counters::default();
                let how = (profiles, &counters);
                $(let $name = prepare(session, keyspace, how, Kind::$kind, $text);)*
                // All at once: each is a round trip to every node.
                let ($($name,)*) = tokio::try_join!($($name,)*)?;
                Ok(Self {
                    conditional: profiles.conditional.clone(),
                    ordinary: profiles.ordinary.clone(),
                    counters,
                    $($name,)*
                })
            }
        }
    };
}

statements! {
    /// Moves a user's version.
    user_head: Conditional
        "UPDATE {ks}.users SET version = ?, slots[?] = ? WHERE user_id = ? IF version = ?",
    user_row: Conditional
        "INSERT INTO {ks}.users (user_id, kind, seq, name, value) VALUES (?, ?, ?, ?, ?)",
    /// A row with an end.
    user_expiring_row: Conditional
        "INSERT INTO {ks}.users (user_id, kind, seq, name, value, expires_at) \
         VALUES (?, ?, ?, ?, ?, ?) USING TTL ?",
    user_slots: Serial "SELECT version, slots FROM {ks}.users WHERE user_id = ? LIMIT 1",
    /// Cart and account.
    user: Serial "SELECT kind, value, version FROM {ks}.users WHERE user_id = ? AND kind <= 1",
    user_value: Serial
        "SELECT value, expires_at FROM {ks}.users \
         WHERE user_id = ? AND kind = ? AND seq = ? AND name = ?",
    orders: Serial
        "SELECT value FROM {ks}.users WHERE user_id = ? AND kind = 2 AND seq <= ? LIMIT ?",

    /// Moves a stock item's version.
    stock_head: Conditional
        "UPDATE {ks}.stock SET version = ?, slots[?] = ? WHERE item_kind = ? AND item = ? \
         IF version = ?",
    stock_row: Conditional
        "INSERT INTO {ks}.stock (item_kind, item, kind, order_id, value) VALUES (?, ?, ?, ?, ?)",
    /// A row with an end.
    stock_expiring_row: Conditional
        "INSERT INTO {ks}.stock (item_kind, item, kind, order_id, value, expires_at) \
         VALUES (?, ?, ?, ?, ?, ?) USING TTL ?",
    stock_slots: Serial
        "SELECT version, slots FROM {ks}.stock WHERE item_kind = ? AND item = ? LIMIT 1",
    /// The counters.
    stock: Serial
        "SELECT version, value FROM {ks}.stock WHERE item_kind = ? AND item = ? AND kind = 0",
    holds: Serial
        "SELECT order_id, value, expires_at FROM {ks}.stock \
         WHERE item_kind = ? AND item = ? AND kind = 1 AND order_id IN ?",

    /// Moves a register's version, and writes it.
    register_write: Conditional
        "UPDATE {ks}.registers SET version = ?, slots[?] = ?, value = ? \
         WHERE kind = ? AND name = ? IF version = ?",
    /// As `register_write`, with an end.
    expiring_register_write: Conditional
        "UPDATE {ks}.registers USING TTL ? SET version = ?, slots[?] = ?, value = ? \
         WHERE kind = ? AND name = ? IF version = ?",
    register_slots: Serial "SELECT version, slots FROM {ks}.registers WHERE kind = ? AND name = ?",
    register: Serial "SELECT version, value FROM {ks}.registers WHERE kind = ? AND name = ?",

    put_attempt: Ordinary "INSERT INTO {ks}.attempts (bucket, order_id, value) VALUES (?, ?, ?)",
    remove_attempt: Ordinary "DELETE FROM {ks}.attempts WHERE bucket = ? AND order_id = ?",
    attempts: Ordinary "SELECT value FROM {ks}.attempts WHERE bucket = ?",
    put_owner: Ordinary "INSERT INTO {ks}.order_owners (order_id, user_id) VALUES (?, ?)",
    owner: Ordinary "SELECT user_id FROM {ks}.order_owners WHERE order_id = ?",
    mark: Serial "SELECT value FROM {ks}.marks WHERE name = ?",
    raise_mark: Conditional "UPDATE {ks}.marks SET value = ? WHERE name = ? IF value = ?",

    /// Where the log of the catalogue ends, and who is writing.
    log_head: Serial
        "SELECT position, writer FROM {ks}.catalog_log WHERE log = 'catalog' LIMIT 1",
    log_writing: Serial
        "SELECT writer, writing FROM {ks}.catalog_log WHERE log = 'catalog' LIMIT 1",
    log_entries: Serial
        "SELECT entry, key FROM {ks}.catalog_log \
         WHERE log = 'catalog' AND slot >= ? AND slot <= ?",
    /// Announces a write of records.
    log_claim: Conditional
        "UPDATE {ks}.catalog_log SET writer = ?, writing = ? WHERE log = 'catalog' \
         IF position = ? AND writer = null",
    /// Moves the end of the log, and ends an announcement.
    log_finish: Conditional
        "UPDATE {ks}.catalog_log SET position = ?, writer = null, writing = null \
         WHERE log = 'catalog' IF position = ? AND writer = ?",
    /// Moves the end of the log.
    log_append: Conditional
        "UPDATE {ks}.catalog_log SET position = ? WHERE log = 'catalog' IF position = ?",
    log_entry: Conditional
        "INSERT INTO {ks}.catalog_log (log, slot, entry, key) VALUES ('catalog', ?, ?, ?)",

    put_catalog: Ordinary
        "INSERT INTO {ks}.catalog (kind, bucket, id, value) VALUES (?, ?, ?, ?)",
    catalog_page: Ordinary
        "SELECT value FROM {ks}.catalog WHERE kind = ? AND bucket = ? AND id > ? LIMIT ?",
    catalog_record: Ordinary
        "SELECT value FROM {ks}.catalog WHERE kind = ? AND bucket = ? AND id = ?",
    put_shop: Ordinary "INSERT INTO {ks}.shop (shop, kind, id, value) VALUES ('shop', ?, ?, ?)",
    shop: Ordinary "SELECT kind, value FROM {ks}.shop WHERE shop = 'shop'",
    shop_record: Ordinary
        "SELECT value FROM {ks}.shop WHERE shop = 'shop' AND kind = ? AND id = ?",

    /// Asks whether anybody answers.
    ping: Ping "SELECT user_id FROM {ks}.order_owners WHERE order_id = ?",
}

async fn prepare(
    session: &Session,
    keyspace: &str,
    (profiles, counters): (&Profiles, &Counters),
    kind: Kind,
    text: &str,
) -> Result<PreparedStatement, PrepareError> {
    let mut statement = session.prepare(text.replace("{ks}", keyspace)).await?;
    let (profile, counter) = match kind {
        Kind::Conditional => (&profiles.conditional, Some(&counters.conditional_writes)),
        Kind::Serial => (&profiles.serial, Some(&counters.serial_reads)),
        Kind::Ordinary if text.starts_with("SELECT") => (&profiles.ordinary, Some(&counters.reads)),
        Kind::Ordinary => (&profiles.ordinary, Some(&counters.writes)),
        Kind::Ping => (&profiles.ordinary, None),
    };
    statement.set_execution_profile_handle(Some(profile.clone()));
    statement.set_is_idempotent(!matches!(kind, Kind::Conditional));
    if let Some(counter) = counter {
        statement.set_history_listener(counter.clone());
    }
    Ok(statement)
}
