//! General storage in Redis (integrations 2.12): one hash per area, every access one script, so that it happens whole.
//!
//! Volatile by contract: what Redis forgets is gone, and while it is silent every access is [`AreasDown`].

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use fred::types::{FromValue, Value};
use ges_domain::TenantId;
use ges_domain::ports::{AreaAnswer, AreaContent, AreaFile, AreaId, AreaWrite, Areas, AreasDown, MOST_AREA_BYTES};

use crate::script::Script;
use crate::{BadServer, Link, Server};

/// Longest time for one access.
const ACCESS: Duration = Duration::from_secs(1);
/// A connection that has just broken is made again within this time when its server lives.
const CONNECTION: Duration = Duration::from_millis(150);
/// The field that names the owner; texts and files have a letter in front of their keys.
const OWNER: &[u8] = b"o";

/// Arguments: user, `create` or `merge`, milliseconds to live, most bytes, then fields and values; an empty value removes.
/// Repeatable: it leaves the same content and says the same.
const WRITE: Script = Script {
    repeatable: true,
    within: ACCESS,
    connection: CONNECTION,
    text: "
    local there = redis.call('EXISTS', KEYS[1]) == 1
    local owner = there and redis.call('HGET', KEYS[1], 'o') or ''
    if owner ~= '' and owner ~= ARGV[1] then return 'yours not' end
    if ARGV[2] == 'merge' and not there then return 'unknown' end
    local news, size = {}, 0
    for i = 5, #ARGV, 2 do
        news[ARGV[i]] = true
        if ARGV[i + 1] ~= '' then size = size + #ARGV[i] - 1 + #ARGV[i + 1] end
    end
    if ARGV[2] == 'merge' then
        local all = redis.call('HGETALL', KEYS[1])
        for i = 1, #all, 2 do
            if all[i] ~= 'o' and not news[all[i]] then size = size + #all[i] - 1 + #all[i + 1] end
        end
    end
    if size > tonumber(ARGV[4]) then return 'too large' end
    if ARGV[2] == 'create' then redis.call('DEL', KEYS[1]) end
    redis.call('HSET', KEYS[1], 'o', owner ~= '' and owner or ARGV[1])
    for i = 5, #ARGV, 2 do
        if ARGV[i + 1] == '' then redis.call('HDEL', KEYS[1], ARGV[i])
        else redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1]) end
    end
    redis.call('PEXPIRE', KEYS[1], ARGV[3])
    return 'done'",
};

/// Arguments: user, then the fields to remove; none removes everything.
/// Not repeatable: the second would say of what the first removed that it never was there.
const REMOVE: Script = Script {
    repeatable: false,
    within: ACCESS,
    connection: CONNECTION,
    text: "
    if redis.call('EXISTS', KEYS[1]) == 0 then return 'unknown' end
    local owner = redis.call('HGET', KEYS[1], 'o') or ''
    if owner ~= '' and owner ~= ARGV[1] then return 'yours not' end
    if #ARGV == 1 then redis.call('DEL', KEYS[1]) end
    for i = 2, #ARGV do redis.call('HDEL', KEYS[1], ARGV[i]) end
    return 'done'",
};

/// Fields and values of everything.
const READ: Script =
    Script { repeatable: true, within: ACCESS, connection: CONNECTION, text: "return redis.call('HGETALL', KEYS[1])" };

/// Areas in Redis.
pub struct RedisAreas {
    link: Link,
}

impl RedisAreas {
    /// Starts to connect and returns at once. Must be called inside a runtime.
    ///
    /// # Errors
    /// [`BadServer`] when the settings can never work.
    pub fn start(server: &Server) -> Result<Self, BadServer> {
        Ok(Self { link: Link::open(server, "the general storage")? })
    }

    /// Says good-bye to the server, waiting at most two seconds.
    pub async fn close(&self) {
        self.link.close().await;
    }

    async fn run<T: FromValue>(
        &self,
        script: Script,
        (tenant, area): (TenantId, &AreaId),
        arguments: &[Value],
    ) -> Result<T, AreasDown> {
        let key = format!("ges:{{{tenant}}}:area:{}", area.as_str());
        self.link.run(script, &key, arguments).await.map_err(|error| AreasDown(error.into()))
    }
}

fn bytes(bytes: impl AsRef<[u8]>) -> Value {
    Value::Bytes(bytes.as_ref().to_vec().into())
}

fn field(letter: u8, key: &str) -> Value {
    bytes([&[letter], key.as_bytes()].concat())
}

fn answer(word: &str) -> Result<AreaAnswer<()>, AreasDown> {
    match word {
        "done" => Ok(AreaAnswer::Done(())),
        "unknown" => Ok(AreaAnswer::Unknown),
        "yours not" => Ok(AreaAnswer::NotYours),
        "too large" => Ok(AreaAnswer::TooLarge),
        _ => Err(AreasDown("the script answered in words it does not have".into())),
    }
}

/// Media type, NUL, bytes.
fn packed(file: &AreaFile) -> Value {
    bytes([file.media_type.as_bytes(), &[0], &file.bytes].concat())
}

fn unpacked(value: &[u8]) -> Option<AreaFile> {
    let cut = value.iter().position(|byte| *byte == 0)?;
    let media_type = String::from_utf8(value[..cut].to_vec()).ok()?;
    Some(AreaFile { media_type, bytes: value[cut + 1..].to_vec() })
}

#[async_trait]
impl Areas for RedisAreas {
    async fn write(
        &self,
        tenant: TenantId,
        area: &AreaId,
        user: Option<&str>,
        write: AreaWrite,
        content: AreaContent,
        life: Duration,
    ) -> Result<AreaAnswer<()>, AreasDown> {
        if content.bytes() > MOST_AREA_BYTES {
            return Ok(AreaAnswer::TooLarge);
        }
        let whole = |number: usize| Value::Integer(i64::try_from(number).unwrap_or(i64::MAX));
        let mut arguments = vec![
            bytes(user.unwrap_or_default()),
            Value::from_static_str(if write == AreaWrite::Create { "create" } else { "merge" }),
            whole(usize::try_from(life.as_millis()).unwrap_or(usize::MAX).max(1)),
            whole(MOST_AREA_BYTES),
        ];
        for (key, text) in &content.texts {
            arguments.extend([field(b't', key), bytes(text)]);
        }
        for (key, file) in &content.files {
            arguments.extend([field(b'f', key), packed(file)]);
        }
        let word: String = self.run(WRITE, (tenant, area), &arguments).await?;
        answer(&word)
    }

    async fn read(
        &self,
        tenant: TenantId,
        area: &AreaId,
        user: Option<&str>,
    ) -> Result<AreaAnswer<AreaContent>, AreasDown> {
        let all: Vec<Bytes> = self.run(READ, (tenant, area), &[]).await?;
        if all.is_empty() {
            return Ok(AreaAnswer::Unknown);
        }
        let damaged = || AreasDown("an area does not read back".into());
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).map_err(|_| damaged());
        let mut content = AreaContent::default();
        for pair in all.chunks_exact(2) {
            let (name, value) = (&pair[0], &pair[1]);
            match name.split_first() {
                _ if name == OWNER => {
                    if !value.is_empty() && user.map(str::as_bytes) != Some(value) {
                        return Ok(AreaAnswer::NotYours);
                    }
                }
                Some((b't', key)) => drop(content.texts.insert(text(key)?, text(value)?)),
                Some((b'f', key)) => drop(content.files.insert(text(key)?, unpacked(value).ok_or_else(damaged)?)),
                _ => return Err(damaged()),
            }
        }
        Ok(AreaAnswer::Done(content))
    }

    async fn remove(
        &self,
        tenant: TenantId,
        area: &AreaId,
        user: Option<&str>,
        key: Option<&str>,
    ) -> Result<AreaAnswer<()>, AreasDown> {
        let mut arguments = vec![bytes(user.unwrap_or_default())];
        arguments.extend(key.into_iter().flat_map(|key| [field(b't', key), field(b'f', key)]));
        let word: String = self.run(REMOVE, (tenant, area), &arguments).await?;
        answer(&word)
    }
}
