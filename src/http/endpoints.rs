//! Every endpoint that is served, in one table: what matches a request, who may ask, and what a
//! path that nothing matches is answered with.

use super::limiter::Class;
use matchit::Router;
use percent_encoding::percent_decode_str;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::LazyLock;
use warp::http::Method;

/// Who may ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Anybody.
    Public,
    /// Whoever has a valid access token.
    AnyUser,
    /// As [`Access::AnyUser`]; whether the resource may be seen depends on whose it is.
    OwnerOrStaff,
    /// Whoever has one of the roles `admin`, `manager` and `customer_experience`.
    Staff,
    /// Whoever has a role that stands for the permission of this name.
    Permission(&'static str),
}

/// One method on one path.
#[derive(Debug)]
pub struct Endpoint {
    /// The method. `HEAD` is served wherever `GET` is.
    pub method: Method,
    /// The path; a segment that begins with `:` is a parameter.
    pub path: &'static str,
    /// Who may ask.
    pub access: Access,
    /// What its requests count as.
    pub class: Class,
    /// Whether it takes a JSON body.
    pub has_body: bool,
    /// Whether it counts among the requests in flight and of a client. What tells whether the node is well has to
    /// be answered when the node is full.
    pub admitted: bool,
    /// Whether the operations' address alone answers.
    pub for_operators: bool,
    /// What an empty last parameter is answered with; `None` where that is merely unknown.
    pub id_missing: Option<&'static str>,
}

impl Endpoint {
    const fn new(method: Method, path: &'static str, access: Access) -> Self {
        Self {
            method,
            path,
            access,
            class: match access {
                Access::Public => Class::Anonymous,
                _ => Class::User,
            },
            has_body: false,
            admitted: true,
            for_operators: false,
            id_missing: None,
        }
    }

    const fn get(path: &'static str, access: Access) -> Self {
        Self::new(Method::GET, path, access)
    }

    const fn post(path: &'static str, access: Access) -> Self {
        Self::new(Method::POST, path, access).with_body()
    }

    const fn put(path: &'static str, access: Access) -> Self {
        Self::new(Method::PUT, path, access).with_body()
    }

    const fn delete(path: &'static str, access: Access) -> Self {
        Self::new(Method::DELETE, path, access)
    }

    const fn with_body(mut self) -> Self {
        self.has_body = true;
        self
    }

    const fn always_admitted(mut self) -> Self {
        self.admitted = false;
        self.class = Class::Uncounted;
        self
    }

    const fn for_operators(mut self) -> Self {
        self.for_operators = true;
        self
    }

    const fn counted_as(mut self, class: Class) -> Self {
        self.class = class;
        self
    }

    const fn id_missing(mut self, message: &'static str) -> Self {
        self.id_missing = Some(message);
        self
    }

    /// A parameter's value in a path that matches, decoded. `None` where it is not UTF-8 or there
    /// is no such parameter.
    #[must_use]
    pub fn parameter<'a>(&self, name: &str, path: &'a str) -> Option<Cow<'a, str>> {
        let mut both = self.path.split('/').zip(path.split('/'));
        let (_, given) = both.find(|(expected, _)| expected.strip_prefix(':') == Some(name))?;
        percent_decode_str(given).decode_utf8().ok()
    }
}

/// What a request asks for.
#[derive(Clone, Debug)]
pub enum Target {
    /// An endpoint.
    Endpoint(&'static Endpoint),
    /// A path that is served by these methods only, as `Allow` lists them.
    WrongMethod(String),
    /// Nothing that is served.
    Unknown,
}

impl Target {
    /// Finds what a method on a path asks for.
    #[must_use]
    pub fn of(method: &Method, path: &str) -> Self {
        let asked = if method == Method::HEAD {
            &Method::GET
        } else {
            method
        };
        let found = at(path).iter().find(|endpoint| endpoint.method == *asked);
        match found {
            Some(endpoint) => Self::Endpoint(endpoint),
            None => allowed(path).map_or(Self::Unknown, Self::WrongMethod),
        }
    }

    /// The path of the endpoint, its parameters by name; nothing where there is none.
    #[must_use]
    pub fn route(&self) -> &'static str {
        match self {
            Self::Endpoint(endpoint) => endpoint.path,
            Self::WrongMethod(_) | Self::Unknown => "",
        }
    }
}

/// The endpoints at a path, still percent-encoded.
fn at(path: &str) -> &'static [&'static Endpoint] {
    PATHS.at(path).map_or(&[], |matched| matched.value)
}

/// The endpoints by path. A segment that is written out in the table is no parameter's value.
static PATHS: LazyLock<Router<Vec<&'static Endpoint>>> = LazyLock::new(|| {
    let mut by_path = BTreeMap::<String, Vec<&'static Endpoint>>::new();
    for endpoint in ENDPOINTS {
        let segments = endpoint
            .path
            .split('/')
            .map(|segment| match segment.strip_prefix(':') {
                Some(name) => format!("{{{name}}}"),
                None => segment.to_owned(),
            });
        let path = segments.collect::<Vec<_>>().join("/");
        if let (Some((parent, _)), Some(_)) = (path.rsplit_once('/'), endpoint.id_missing) {
            by_path
                .entry(format!("{parent}/"))
                .or_default()
                .push(endpoint);
        }
        by_path.entry(path).or_default().push(endpoint);
    }
    let mut paths = Router::new();
    for (path, endpoints) in by_path {
        paths
            .insert(path, endpoints)
            .expect("the table has no two paths that the same requests match");
    }
    paths
});

/// The methods that a path is served by, as `Allow` lists them; `None` where there are none.
#[must_use]
pub fn allowed(path: &str) -> Option<String> {
    let mut methods = Vec::new();
    for endpoint in at(path) {
        methods.push(endpoint.method.as_str());
        if endpoint.method == Method::GET {
            methods.push("HEAD");
        }
    }
    (!methods.is_empty()).then(|| methods.join(", "))
}

macro_rules! endpoints {
    ($($name:ident = $endpoint:expr;)*) => {
        $(pub(super) static $name: Endpoint = $endpoint;)*
        /// All of them.
        pub static ENDPOINTS: &[&Endpoint] = &[$(&$name),*];
    };
}

use Access::{AnyUser, OwnerOrStaff, Permission, Public, Staff};

endpoints! {
    VIEW_CART = Endpoint::get("/api/v1/cart", AnyUser);
    CLEAR_CART = Endpoint::new(Method::DELETE, "/api/v1/cart", AnyUser);
    ADD_ITEM = Endpoint::post("/api/v1/cart/items", AnyUser);
    SET_QUANTITY = Endpoint::new(Method::PATCH, "/api/v1/cart/items/:id", AnyUser)
        .with_body()
        .id_missing("Item ID is required");
    REMOVE_ITEM = Endpoint::new(Method::DELETE, "/api/v1/cart/items/:id", AnyUser)
        .id_missing("Item ID is required");

    LIST_PRODUCTS = Endpoint::get("/api/v1/catalog/products", Public);
    VIEW_PRODUCT = Endpoint::get("/api/v1/catalog/products/:id", Public)
        .id_missing("Product ID is required");
    LIST_CATEGORY = Endpoint::get("/api/v1/catalog/products/category/:id", Public);
    LIST_CATEGORIES = Endpoint::get("/api/v1/catalog/categories", Public);
    LIST_BRANDS = Endpoint::get("/api/v1/catalog/brands", Public);

    LIST_SHIPPING_METHODS = Endpoint::get("/api/v1/shipping-methods", Public);
    QUOTE_ORDER = Endpoint::post("/api/v1/orders/quote", AnyUser);
    PLACE_ORDER = Endpoint::post("/api/v1/orders", AnyUser);
    LIST_ORDERS = Endpoint::get("/api/v1/orders", AnyUser);
    VIEW_ORDER = Endpoint::get("/api/v1/orders/:id", OwnerOrStaff)
        .id_missing("Order ID is required");

    REGISTER = Endpoint::post("/api/v1/auth/register", Public).counted_as(Class::Credentials);
    LOGIN = Endpoint::post("/api/v1/auth/login", Public).counted_as(Class::Credentials);
    REFRESH = Endpoint::post("/api/v1/auth/refresh", Public).counted_as(Class::Refresh);
    // Each begins a stored login, or has the issuer asked: as costly as a password.
    BEGIN_GOOGLE_LOGIN = Endpoint::get("/api/v1/auth/google", Public)
        .counted_as(Class::Credentials);
    FINISH_GOOGLE_LOGIN = Endpoint::get("/api/v1/auth/google/callback", Public)
        .counted_as(Class::Credentials);
    VIEW_PROFILE = Endpoint::get("/api/v1/auth/profile", AnyUser);
    LOGOUT = Endpoint::new(Method::POST, "/api/v1/auth/logout", AnyUser);

    LIST_ROLES = Endpoint::get("/api/v1/admin/roles", Staff);
    CREATE_ROLE = Endpoint::post("/api/v1/admin/roles", Staff);
    VIEW_ROLE = Endpoint::get("/api/v1/admin/roles/:id", Staff);
    UPDATE_ROLE = Endpoint::put("/api/v1/admin/roles/:id", Staff);
    DELETE_ROLE = Endpoint::delete("/api/v1/admin/roles/:id", Staff);
    LIST_GRANTS = Endpoint::get("/api/v1/admin/roles/:id/permissions", Staff);
    GRANT = Endpoint::post("/api/v1/admin/roles/:id/permissions", Staff);
    REVOKE = Endpoint::delete("/api/v1/admin/roles/:id/permissions/:permId", Staff);

    LIST_PERMISSIONS = Endpoint::get("/api/v1/admin/permissions", Staff);
    CREATE_PERMISSION = Endpoint::post("/api/v1/admin/permissions", Staff);
    VIEW_PERMISSION = Endpoint::get("/api/v1/admin/permissions/:id", Staff);
    UPDATE_PERMISSION = Endpoint::put("/api/v1/admin/permissions/:id", Staff);
    DELETE_PERMISSION = Endpoint::delete("/api/v1/admin/permissions/:id", Staff);

    LIST_ASSIGNMENTS = Endpoint::get("/api/v1/admin/users/:id/roles", Staff);
    ASSIGN = Endpoint::post("/api/v1/admin/users/:id/roles", Staff);
    UNASSIGN = Endpoint::delete("/api/v1/admin/users/:id/roles/:roleId", Staff);
    FIND_USER = Endpoint::get("/api/v1/admin/users", Permission("view_users"));
    VIEW_USER = Endpoint::get("/api/v1/admin/users/:id", Permission("view_users"));
    UPDATE_USER = Endpoint::new(
        Method::PATCH,
        "/api/v1/admin/users/:id",
        Permission("manage_users"),
    )
    .with_body();

    HEALTH = Endpoint::get("/health", Public).always_admitted();
    READY = Endpoint::get("/ready", Public).always_admitted();
    CLUSTER = Endpoint::get("/cluster", Public).always_admitted().for_operators();
    METRICS = Endpoint::get("/metrics", Public).always_admitted().for_operators();
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(method: Method, path: &str) -> String {
        match Target::of(&method, path) {
            Target::Endpoint(endpoint) => format!("{} {}", endpoint.method, endpoint.path),
            Target::WrongMethod(allow) => format!("405 {allow}"),
            Target::Unknown => "404".to_owned(),
        }
    }

    #[test]
    fn a_request_finds_its_endpoint() {
        for endpoint in ENDPOINTS {
            let path = endpoint.path.replace(":id", "a-1");
            let expected = format!("{} {}", endpoint.method, endpoint.path);
            assert_eq!(target(endpoint.method.clone(), &path), expected);
        }
        assert_eq!(target(Method::HEAD, "/health"), "GET /health");
        let category = "/api/v1/catalog/products/category/cat-1";
        assert_eq!(
            target(Method::GET, category),
            "GET /api/v1/catalog/products/category/:id"
        );
    }

    #[test]
    fn a_wrong_method_names_the_right_ones() {
        let cases = [
            (Method::PUT, "/api/v1/cart", "405 GET, HEAD, DELETE"),
            (Method::GET, "/api/v1/cart/items/x", "405 PATCH, DELETE"),
            (Method::HEAD, "/api/v1/cart/items", "405 POST"),
            (Method::DELETE, "/api/v1/orders", "405 POST, GET, HEAD"),
            (Method::GET, "/api/v1/orders/quote", "405 POST"),
            (Method::PUT, "/api/v1/orders/quot", "405 GET, HEAD"),
            (Method::OPTIONS, "/health", "405 GET, HEAD"),
        ];
        for (method, path, expected) in cases {
            assert_eq!(target(method, path), expected, "{path}");
        }
    }

    #[test]
    fn a_trailing_slash_is_unknown_unless_an_id_belongs_there() {
        for path in [
            "/health/",
            "/api/v1/cart/",
            "/api/v1/catalog/brands/",
            "/api/v1/catalog/products/prod-1/",
            "/api/v1/catalog/products/category/",
            "//health",
            "/",
            "",
            "*",
            "/api/v1/catalog/products//",
        ] {
            assert_eq!(target(Method::GET, path), "404", "{path}");
        }
        let ids = [
            (Method::GET, "/api/v1/catalog/products/"),
            (Method::GET, "/api/v1/orders/"),
            (Method::PATCH, "/api/v1/cart/items/"),
            (Method::DELETE, "/api/v1/cart/items/"),
        ];
        for (method, path) in ids {
            let expected = format!("{method} {path}:id");
            assert_eq!(target(method, path), expected);
        }
    }

    #[test]
    fn parameters_are_decoded() {
        let of = |id: &str| {
            let path = format!("/api/v1/catalog/products/{id}");
            VIEW_PRODUCT
                .parameter("id", &path)
                .map(|id| id.into_owned())
        };
        assert_eq!(of("prod-1").as_deref(), Some("prod-1"));
        assert_eq!(of("a%20b%2Fc").as_deref(), Some("a b/c"));
        assert_eq!(of("%C3%A4").as_deref(), Some("ä"));
        assert_eq!(of("%FF"), None);
        assert_eq!(of("").as_deref(), Some(""));
        assert_eq!(VIEW_PRODUCT.parameter("sku", "/"), None);
    }
}
