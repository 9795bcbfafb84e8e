//! Items of a category that a filter keeps, over HTTP.

use crate::site::Site;

#[tokio::test]
async fn items_come_by_a_filter_and_one_that_is_none_is_refused() {
    let site = Site::with_fleet().await;
    let path = "/v1/categories/ships/items";
    let all = site.get(path).await.ok(200);
    let key = all["items"][2]["key"].clone();

    let filter = format!("filter=$key%20%3D%3D%20%22{}%22", key.as_str().unwrap());
    let found = site.get(&format!("{path}?{filter}")).await.ok(200);

    let items = found["items"].as_array().unwrap();
    assert_eq!((items.len(), &items[0]["key"]), (1, &key));
    assert!(found["next_cursor"].is_null());
    let filter = "filter=$key%20%3E%20%22%22&limit=1";
    let first = site.get(&format!("{path}?{filter}")).await.ok(200);
    assert!(first["next_cursor"].is_string());
    let broken = site.get(&format!("{path}?filter=.cost%20%3E")).await;
    assert_eq!(broken.status, 422);
    let of_text = site.get(&format!("{path}?filter=.name")).await;
    of_text.problem(422, "invalid");
}
