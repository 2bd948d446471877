//! The stream in Redis (integrations 1.2.1, 1.2.6).

mod settings;
mod stream;

pub use settings::{BadRedisSettings, RedisSettings, RedisTls};
pub use stream::RedisStream;
