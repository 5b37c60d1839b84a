//! Keys that a fake issuer signs with. They guard nothing.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey};
use serde_json::Value;

/// A key and its name.
#[derive(Clone)]
pub struct Key {
    pub kid: &'static str,
    pub algorithm: Algorithm,
    pub private: EncodingKey,
}

impl Key {
    /// P-256.
    pub fn elliptic() -> Self {
        Self::of("elliptic", Algorithm::ES256, ELLIPTIC)
    }

    /// Another one.
    pub fn other() -> Self {
        Self::of("other", Algorithm::ES256, OTHER)
    }

    /// RSA of 2048 bits.
    pub fn rsa() -> Self {
        Self::of("rsa", Algorithm::RS256, RSA)
    }

    /// The same key under another name.
    pub fn named(self, kid: &'static str) -> Self {
        Self { kid, ..self }
    }

    fn of(kid: &'static str, algorithm: Algorithm, der: &str) -> Self {
        let der = STANDARD.decode(der).unwrap();
        let private = match algorithm {
            Algorithm::RS256 => EncodingKey::from_rsa_der(&der),
            _ => EncodingKey::from_ec_der(&der),
        };
        Self {
            kid,
            algorithm,
            private,
        }
    }

    /// What the issuer publishes of it.
    pub fn public(&self) -> Value {
        let mut jwk = Jwk::from_encoding_key(&self.private, self.algorithm).unwrap();
        jwk.common.key_id = Some(self.kid.to_owned());
        serde_json::to_value(jwk).unwrap()
    }
}

const ELLIPTIC: &str = "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgbGda//rkqEq8bPiZGbyehGmQTNTU8A8uujwpPERsB96h\
     RANCAAS/5Wl10TpQ8WAzHNVwHC7tnHmmBFqrD5tiauVZDfQ8FRksDUMjV7moE8zu/zYz8ZsLWRFlZKY/0OMCUJkNpNuv";
const OTHER: &str = "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgD3oAuPuxofkn6mLWqq00y56jDE2lfafmAyZlhzvKc0+h\
     RANCAAT5EHcjIPKzTZpr0KwAsyj/s+K6i8Fy5+f/SrAqZ0t1dn7HtyxTJ6Wcj1IiyesEqDKK/9HqStMC7FHmYoJwqeIP";
const RSA: &str = "MIIEpAIBAAKCAQEAsxjtWaUAQNYLkApqvme/857Z1pazJW7uYdxK5r7N/WZbu0nC9lfVZp9tSU+VixGmPEMKxToSN2QK\
     gBlQPcHsckmNgv8faPxZeEdfy1xYZUUybuXqEq+vq7qCqpaENTzlM0rOlL/YNT2UBFI1uHaf+R7ioX4hLTeRYvtIaK0U\
     twVixc2BnrKtO+P4NVIyKMdhay0udPs8dCreIrWveks31dS4apBHYCz4Zf8BhsyqGJpNQQpeNQmH49fQ5GcBaOMhAFB9\
     5KiQoz92Wi/wC1LiwrWae4xa4lh5lMAA8JHvL+cJ0lxUtH7k2D0ljOEAQEHJ31kOGmwVG7NiUAGyu1n5ewIDAQABAoIB\
     AAkHUtZ9PsfbTTDr6C6vce9OTO1dooFawsdfK3gkxU38I4K2Y2Q3ev7AlGn+NOvnrgmFWF0nTMogZSEeZZD/c4kyvmC3\
     YMt88Tu4NBLp6wY2mKYbjr3LaoqN4qQb5g/9q7uhY/b+vDUO5M/aScgB/uri94osSXA18sKFKBooI45dsFJ4Frdnl/15\
     zGkh0B2aEYeNZ2SXIfribtmR8T0w9kz6I+/iqlmlgqOlB4mu3Gf00aWEJHb6KXlgSu8wz4AVuXDO9wxinBDCZmuxJux/\
     rupsF/RfVx/mmSzNgZpFbY6Ro0m4zHbj98Iokyu/YWFS/oumVPCcLnNET4/hU28buaUCgYEA5zLsVUj+1hQGXRHsA3G0\
     lbnPuL2TZnjPt3jLIui71xSIAolV3ngaf4/p/ErpJoiYogiOiyvyptRn4YF39q9R+vapBChtTEM4ut6D8DHsMKit9P9G\
     3FneiJenDACTSAEkOjidoe1YHhAeoa7u72Ua7v8gNYv3MLH4py973lxB9X0CgYEAxk83MZ4C7D1H8Cvd072UtAmTKWS2\
     oifNBiUzAAmvpsFXzC5HoPF8DM8iUikrvJSS2zJ0xk4/nVW1hOIysq7vHGn9PM3pbtxAZMT3vuQ9qSTWoiFe6OpPhmOL\
     oU8RQAK4mAqOtRMu41adkPMy0jS1jhom8+M6wqVpdjBMv/jTfFcCgYEA0Iz57HCdF6UWnGunNvAhkpH7E01Goj/GN10p\
     +EJx9rCZg5g4siYq2PiLe75jFBRRgpAvbNDm4KBnWF6+RPKfA7/udEa3WPymNsKzxz5xLO9rg72mQOx8NUB/Oe9m66PD\
     9xTM9J0xSGUIDJbNB3tvUTkn58Vq5C0V/FFz7f/Qq80CgYBrtRyqM0MtIj+PP5QU6/P3MPgf1Fapjep6OvwPOjOP45UX\
     Dc/TpzUUE/B1JW1e2GdG7ImmJ1u/zYxwZxbYG9E84ogrXT86+h9zW9Ofd4HR+3MjzfIpmRGmUSzGaRZaaN/vnFRUHt4p\
     laKw1pY0u3IcgzHC5xjEHWlBSwx0e+YJswKBgQCv78ujKxsbcEabxTICDOUbgr61Pc+Ht+I+NLq9hjHgBMWf+1YhrzVL\
     ExnG9aYZ0bAvgX0cy93w+I896PgjyfJHIcgupgb1QJoSdWSkIMtQBjC83s3yfqrmcyXkrg3Hm/5iHEPmG2XJzK/WsR3F\
     7Bv8xclBcj3jnny3v6ow9kCrLQ==";
