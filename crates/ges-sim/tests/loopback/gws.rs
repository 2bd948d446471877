//! GWS as browsers, pods and operators see it.

use std::collections::HashMap;

use ges_sim::Seed;
use serde_json::{Value, json};
use url::Url;

use crate::world::{World, swift};

const REDIRECT: &str = "https://ges.example.com/ges/ui/login.html";

fn auth(world: &World, path: &str) -> String {
    format!("http://{}/auth/{path}", world.sim.addresses().auth)
}

fn conf(world: &World, path: &str) -> String {
    format!("http://{}/configuration/v3/{path}", world.sim.addresses().configuration)
}

/// A client that stays where it is sent away from, as tests want to see it.
fn browser() -> reqwest::Client {
    reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build().unwrap()
}

async fn grant(world: &World, form: &[(&str, &str)]) -> (u16, Value) {
    let call = world.http.post(auth(world, "v3/oauth/token")).basic_auth(Seed::CLIENT_ID, Some(Seed::CLIENT_SECRET));
    let answer = call.form(form).send().await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap())
}

async fn client_token(world: &World) -> String {
    grant(world, &[("grant_type", "client_credentials")]).await.1["access_token"].as_str().unwrap().to_owned()
}

/// Code and state that a browser brings back.
fn brought_back(answer: &reqwest::Response) -> HashMap<String, String> {
    assert_eq!(answer.status(), 302);
    let url = Url::parse(answer.headers()["location"].to_str().unwrap()).unwrap();
    assert!(url.as_str().starts_with(REDIRECT), "{url}");
    url.query_pairs().into_owned().collect()
}

#[tokio::test]
async fn a_browser_signs_in_and_comes_back_with_a_code_that_is_good_once() {
    let world = World::start(swift()).await;
    let query =
        [("response_type", "code"), ("client_id", Seed::CLIENT_ID), ("redirect_uri", REDIRECT), ("state", "s<1>")];
    let page = browser().get(auth(&world, "v3/oauth/authorize")).query(&query).send().await.unwrap();
    assert_eq!(page.status(), 200);
    let page = page.text().await.unwrap();
    assert!(page.contains("action=/auth/v3/sign-in") && page.contains("s&lt;1&gt;"), "{page}");
    let fields = |password| [&query[1..], &[("username", "t100\\super"), ("password", password)]].concat();
    let sign_in = |password| browser().post(auth(&world, "v3/sign-in")).form(&fields(password)).send();
    assert_eq!(sign_in("wrong").await.unwrap().status(), 401);
    let back = brought_back(&sign_in("super").await.unwrap());
    assert_eq!(back["state"], "s<1>");

    let swift_query = [&query[..], &[("sim_user", "monitor")]].concat();
    let at_once = browser().get(auth(&world, "v3/oauth/authorize")).query(&swift_query).send().await.unwrap();
    assert_ne!(brought_back(&at_once)["code"], back["code"]);

    let redeem = |code: String, redirect| {
        let world = &world;
        async move {
            let form = [
                ("grant_type", "authorization_code"),
                ("code", code.as_str()),
                ("redirect_uri", redirect),
                ("client_id", Seed::CLIENT_ID),
            ];
            grant(world, &form).await
        }
    };
    let (status, tokens) = redeem(back["code"].clone(), REDIRECT).await;
    assert_eq!((status, &tokens["token_type"]), (200, &json!("bearer")));
    assert_eq!(redeem(back["code"].clone(), REDIRECT).await.0, 400, "once");
    let elsewhere = brought_back(&sign_in("super").await.unwrap())["code"].clone();
    assert_eq!(redeem(elsewhere, "https://elsewhere.example.com").await.0, 400);

    let refresh = tokens["refresh_token"].as_str().unwrap();
    let form = [("grant_type", "refresh_token"), ("refresh_token", refresh), ("client_id", Seed::CLIENT_ID)];
    let (status, renewed) = grant(&world, &form).await;
    assert_eq!(status, 200);
    assert_eq!(grant(&world, &form).await.0, 400, "spent");
    let access = renewed["access_token"].as_str().unwrap().to_owned();
    let ask = |path: &str| world.http.get(auth(&world, path)).bearer_auth(&access).send();
    let person: Value = ask("v3/userinfo").await.unwrap().json().await.unwrap();
    assert_eq!((&person["loginName"], &person["contactCenterId"]), (&json!("super"), &json!(Seed::TENANT)));
    let open: Value = ask("v3/openid/userinfo").await.unwrap().json().await.unwrap();
    assert_eq!((&open["user_name"], &open["contact_center_id"]), (&json!("super@t100"), &json!(Seed::TENANT)));
    assert_eq!(ask("v3/jwt-userinfo").await.unwrap().headers()["x-gws-user"].to_str().unwrap().matches('.').count(), 2);
    assert_eq!(ask("v3/ping").await.unwrap().status(), 200);
    let out = world.http.post(auth(&world, "v3/sign-out")).bearer_auth(&access).form(&[("global", "false")]);
    assert_eq!(out.send().await.unwrap().status(), 200);
    assert_eq!(ask("v3/userinfo").await.unwrap().status(), 401);
    assert_eq!(ask("v3/ping").await.unwrap().status(), 403);
}

#[tokio::test]
async fn tokens_expire_and_clients_are_kept_by_operators() {
    let world = World::start(swift()).await;
    let state = json!({ "tenants": [], "clients": [{ "id": "a", "secret": "b" }], "tokenSeconds": 0 });
    let put = world.http.put(world.control("state/gws")).json(&state).send().await.unwrap();
    assert_eq!(put.status(), 200);
    let ask = async |id: &str, secret: &str| {
        let call = world.http.post(auth(&world, "v3/oauth/token")).basic_auth(id, Some(secret));
        let answer = call.form(&[("grant_type", "client_credentials")]).send().await.unwrap();
        (answer.status().as_u16(), answer.json::<Value>().await.unwrap())
    };
    let (_, short) = ask("a", "b").await;
    let old = short["access_token"].as_str().unwrap();
    let used = world.http.get(conf(&world, "system/application")).bearer_auth(old).send().await.unwrap();
    assert_eq!(used.status(), 401, "over at once");
    let client = json!({ "data": { "client_id": "new", "client_secret": "x", "redirectURIs": [REDIRECT] } });
    let ops = |user: &str| world.http.post(auth(&world, "v3/ops/clients")).basic_auth(user, Some(user)).json(&client);
    assert_eq!(ops("somebody").send().await.unwrap().status(), 401);
    let made: Value = ops("ops").send().await.unwrap().json().await.unwrap();
    assert_eq!((&made["data"]["client_id"], &made["data"]["client_secret"]), (&json!("new"), &Value::Null));
    assert_eq!(ask("new", "x").await.0, 200);
    let query = [("response_type", "code"), ("client_id", "new"), ("redirect_uri", "https://evil.example.com/")];
    let refused = browser().get(auth(&world, "v3/oauth/authorize")).query(&query).send().await.unwrap();
    assert_eq!(refused.status(), 400, "nobody is sent where the client did not say");
    let gone = world.http.delete(auth(&world, "v3/ops/clients/new")).basic_auth("ops", Some("ops"));
    assert_eq!(gone.send().await.unwrap().status(), 200);
    assert_eq!(ask("new", "x").await, (401, json!({ "error": "invalid_client" })));
}

#[tokio::test]
async fn lists_of_the_environment_come_in_both_shapes_in_turn() {
    let world = World::start(swift()).await;
    let token = client_token(&world).await;
    let url = format!("http://{}/environment/v3/contact-centers", world.sim.addresses().environment);
    let mut shapes = Vec::new();
    for _ in 0..4 {
        let answer: Value = world.http.get(&url).bearer_auth(&token).send().await.unwrap().json().await.unwrap();
        shapes.push(answer["data"].is_array());
    }
    assert_eq!(shapes, [false, true, false, true]);
    let keys = format!("{url}/{}/api-keys", Seed::TENANT);
    let add = |key: &str| world.http.post(&keys).bearer_auth(&token).json(&json!({ "data": { "apiKey": key } })).send();
    let added: Value = add("k1").await.unwrap().json().await.unwrap();
    assert_eq!(added["path"], format!("/contact-centers/{}/api-keys/k1", Seed::TENANT));
    assert_eq!(add("k1").await.unwrap().status(), 409);
    let removed = world.http.delete(format!("{keys}/k1")).bearer_auth(&token).send().await.unwrap();
    assert_eq!(removed.status(), 200);
    let left: Value = world.http.get(&keys).bearer_auth(&token).send().await.unwrap().json().await.unwrap();
    assert_eq!(left["data"]["apiKeys"], json!([Seed::API_KEY]));
}

#[tokio::test]
async fn objects_of_the_configuration_are_found_made_and_deleted() {
    let world = World::start(swift()).await;
    let token = client_token(&world).await;
    let get = async |path: &str| -> Value {
        world.http.get(conf(&world, path)).bearer_auth(&token).send().await.unwrap().json().await.unwrap()
    };
    let person = get("objects/persons?user_name=super").await["data"]["objects"][0].clone();
    assert_eq!((&person["DBID"], &person["userName"]), (&json!("1003"), &json!("super")));
    let groups = get("objects/access-groups?person_dbid:int=1003").await;
    let group = &groups["data"]["objects"][0]["CfgGroup"];
    assert_eq!(group["name"], "Environment Supervisors", "nested: {groups}");
    let path = format!("objects/roles?access_group_dbid:int={}", group["DBID"].as_str().unwrap());
    assert_eq!(get(&path).await["data"]["objects"][0]["name"], "Callback Supervisor");
    let make = async |kind: &str, data: Value| {
        let call = world.http.post(conf(&world, &format!("objects/{kind}"))).bearer_auth(&token);
        let answer = call.json(&json!({ "data": data })).send().await.unwrap();
        (answer.status().as_u16(), answer.json::<Value>().await.unwrap())
    };
    let (_, folder) = make("folders", json!({ "name": "F", "type": "CFGScript" })).await;
    let script = json!({ "name": "CB_Sales", "folderId": folder["data"]["DBID"] });
    let (status, made) = make("scripts", script.clone()).await;
    assert_eq!(status, 200);
    let (status, again) = make("scripts", script).await;
    assert_eq!((status, &again["status"]["message"]), (409, &json!("exists")));
    assert_eq!(make("persons", json!({ "name": "x" })).await.0, 403);
    let inside = format!("objects/scripts?folder_dbid:int={}", folder["data"]["DBID"].as_str().unwrap());
    assert_eq!(get(&inside).await["data"]["totalCount"], 1);
    assert_eq!(get("objects/scripts?folder_dbid:int=1").await["data"]["totalCount"], 0);
    let key = made["data"]["DBID"].as_str().unwrap();
    let rights = get(&format!("objects/scripts/permissions?dbids={key}&account_dbid:int=1003")).await;
    assert_eq!(rights["data"]["permissions"], json!([{ "DBID": key, "read": true }]));
    let delete = || world.http.delete(conf(&world, &format!("objects/scripts/{key}"))).bearer_auth(&token).send();
    assert_eq!(delete().await.unwrap().status(), 200);
    assert_eq!(delete().await.unwrap().status(), 404);
    assert_eq!(get("objects/dns?type=CFGVirtACDQueue").await["data"]["objects"][0]["name"], "VQ_Sales");
}
