//! What passengers ask before there is a ride: post and withdraw a request.

use palabre_events::RequestId;
use palabre_events::request::{Request, RequestCommand, RequestPosted};
use palabre_events::ride::Audience;
use palabre_events::sealed::{Comment, KeyId};

use super::ask::{Asked, Created, Done, Refusal, done};
use super::check::{Check, REMARK_CHARS_MAX};
use super::input::PostRequest;
use crate::clock;
use crate::platform::Platform;

/// Posts a request.
pub async fn post(platform: &Platform, asked: Asked, post: PostRequest) -> Result<Created, Refusal> {
    let mut check = Check::default();
    let from = check.place("from", &post.from);
    let to = check.place("to", &post.to);
    let price = post.price_per_seat_max.as_ref().map(|price| check.price("price_per_seat_max", price));
    let comment = check.optional_text("comment", post.comment.as_deref(), REMARK_CHARS_MAX);
    check.seats(post.seats);
    check.hour("pickup_at", post.pickup_at, clock::now());
    if post.tolerance_min > RequestPosted::TOLERANCE_S_MAX / 60 {
        check.wrong("tolerance_min", "out_of_range", "at most 2,880 minutes");
    }
    if !(0.0..=f64::from(RequestPosted::RADIUS_M_MAX) / 1000.0).contains(&post.radius_km) {
        check.wrong("radius_km", "out_of_range", "0 to 100 km");
    }
    if from.point == to.point {
        check.wrong("to", "same_place", "from and to are the same place");
    }
    check.finish()?;

    let key = KeyId::Person(asked.account);
    platform.keys_at_hand(&[key]).await?;
    let posted = RequestPosted {
        passenger: asked.account,
        audience: Audience::Everyone,
        from: platform.seal_place(key, &from)?,
        to: platform.seal_place(key, &to)?,
        pickup_at: post.pickup_at,
        tolerance_s: post.tolerance_min * 60,
        radius_m: (post.radius_km * 1000.0).round() as u32,
        seats: post.seats,
        price_per_seat_max: price,
        comment: comment.map(|text| platform.seal(key, &Comment(text))).transpose()?,
        import_reference: None,
    };
    let request = RequestId::derive(asked.account, asked.key);
    let command = RequestCommand::Post(Box::new(posted));
    let done = done(platform.submit::<Request>(&asked, request, &post, command).await?)?;
    Ok(Created { id: request.0, done })
}

/// Stops looking.
pub async fn withdraw(platform: &Platform, asked: Asked, request: RequestId) -> Result<Done, Refusal> {
    done(platform.submit::<Request>(&asked, request, &"withdraw", RequestCommand::Withdraw).await?)
}
