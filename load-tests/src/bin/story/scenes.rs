//! The scenes, in order. Each says what happens, lets it happen, and checks what everybody sees then.

use anyhow::{Context, Result, ensure};
use chrono::{DateTime, Duration, SecondsFormat, Utc};
use palabre_load_tests::chat::Tally;
use palabre_load_tests::client::{Api, id_in};
use palabre_load_tests::ledger::Ledger;
use palabre_load_tests::offers::Offers;
use palabre_load_tests::places::{BOURGOIN, GRENOBLE, ISLE_D_ABEAU, LYON, RUY};
use palabre_load_tests::report::thousands;
use palabre_load_tests::server::Server;
use serde_json::{Value, json};
use std::path::Path;
use std::time::Instant;
use uuid::Uuid;

use crate::cast::{BOUND, Player, compare, mentions, proposal};
use crate::narrator::{Narrator, hour, price, sentences};

/// Everything on the stage.
struct Scene<'a> {
    tell: Narrator,
    server: &'a mut Server,
    api: Api,
    ledger: Ledger,
    departs_at: DateTime<Utc>,
    chloe: Player,
    malik: Player,
    ines: Player,
    ride: Uuid,
    /// Of Chloé and Malik.
    talk: Uuid,
    /// Of Chloé and Inès.
    second_talk: Uuid,
    /// When Chloé had countered and Malik had not yet agreed.
    before_booking: String,
    reservation: String,
    /// The last position that a write was acknowledged with: what reads after it must include.
    position: u64,
}

/// Plays the whole story.
pub async fn play(server: &mut Server, offers: &Path) -> Result<()> {
    println!("One ride, two passengers, two power cuts");
    let mut scene = Scene::begin(server, offers).await?;
    scene.offer().await?;
    scene.find().await?;
    scene.talk().await?;
    let (counter, terms_hash) = scene.negotiate().await?;
    scene.agree_through_a_power_cut(&counter, &terms_hash).await?;
    scene.see_the_booking().await?;
    scene.second_passenger().await?;
    scene.second_power_cut().await?;
    scene.compare().await?;
    scene.audit().await
}

impl<'a> Scene<'a> {
    async fn begin(server: &'a mut Server, offers: &Path) -> Result<Self> {
        let mut tell = Narrator::default();
        let offers = Offers::moved(offers, server.dir())?;
        let file = offers.file.to_str().context("the path of the offers is text")?.to_owned();
        let begun = Instant::now();
        server.run_well(&["import", "offers", &file])?;
        let took = begun.elapsed();
        let ready = server.start().await?;
        tell.step(&format!("{} offers are imported, and the server starts.", thousands(offers.count as f64)));
        tell.fact(&format!("imported in {:.1} s, ready after {:.2} s", took.as_secs_f64(), ready.as_secs_f64()));
        let (api, ledger) = (Api::new(server.address(), None), Ledger::default());
        let chloe = Player::enter(&api, "Chloé", &ledger).await?;
        let malik = Player::enter(&api, "Malik", &ledger).await?;
        let ines = Player::enter(&api, "Inès", &ledger).await?;
        tell.step("Chloé, Malik and Inès sign up, and their apps connect.");
        // The third day with offers, at 6:30 UTC: half past seven in a French winter.
        let departs_at = offers.first_day + Duration::days(2) + Duration::minutes(390);
        Ok(Self {
            tell,
            server,
            api,
            ledger,
            departs_at,
            chloe,
            malik,
            ines,
            ride: Uuid::nil(),
            talk: Uuid::nil(),
            second_talk: Uuid::nil(),
            before_booking: String::new(),
            reservation: String::new(),
            position: 0,
        })
    }

    async fn offer(&mut self) -> Result<()> {
        let departs_at = self.departs_at.to_rfc3339_opts(SecondsFormat::Millis, true);
        let ride = json!({
            "stops": [GRENOBLE.to_json(), BOURGOIN.to_json(), LYON.to_json()],
            "departs_at": departs_at,
            "time_zone": "Europe/Paris",
            "seats": 3,
            "price_per_seat": {"cents": 900, "currency": "EUR"},
            "comment": "Une valise par personne, pas plus.",
        });
        let offered = self.chloe.person.api.post("rides", &ride).await?;
        self.ride = id_in(&offered, "ride")?;
        self.position = offered["position"].as_u64().context("a write has a position")?;
        self.tell.step(&format!(
            "Chloé offers Grenoble → Bourgoin-Jallieu → Lyon, {} UTC, 3 seats at 9.00 EUR.",
            self.departs_at.format("%-d %B %Y, %H:%M")
        ));
        Ok(())
    }

    /// Searches for `seats` from Ruy to Lyon; the total, and Chloé's ride among the answers.
    async fn search(&self, seats: u64) -> Result<(u64, Option<Value>)> {
        let at = (self.departs_at + Duration::minutes(60)).to_rfc3339_opts(SecondsFormat::Secs, true);
        let (from, to) = (RUY.to_query(), LYON.to_query());
        let position = self.position;
        let path = format!(
            "searches?from={from}&to={to}&at={at}&tolerance_min=60&radius_km=5&seats={seats}&min_position={position}"
        );
        let answer = self.api.get(&path).await?;
        let total = answer["total"].as_u64().context("a search has a total")?;
        let offers = answer["offers"].as_array().context("a search has offers")?;
        Ok((total, offers.iter().find(|offer| offer["ride"] == self.ride.to_string()).cloned()))
    }

    async fn find(&mut self) -> Result<()> {
        let (total, found) = self.search(2).await?;
        let offer = found.context("the search does not find Chloé's ride")?;
        self.tell.step("Malik looks for 2 seats from Ruy-Montceau, a village near the via point, to Lyon.");
        let explain = &offer["explain"];
        self.tell.fact(&format!(
            "{total} found; Chloé's passes by at {}: {:.1} km to the pickup, {} min detour, {} of {} seats left, {}, score {}",
            hour(&offer["pickup_at"]),
            explain["walk_to_pickup_m"].as_f64().context("a match says how far the pickup is")? / 1000.0,
            explain["detour_min"],
            offer["seats_left"],
            offer["seats"],
            price(&offer["price_per_seat"]),
            offer["score"],
        ));
        ensure!(offer["seats_left"] == 3, "3 seats are left, not {}", offer["seats_left"]);
        ensure!(offer["driver"]["name"] == "Chloé", "the driver is Chloé, not {}", offer["driver"]);
        Ok(())
    }

    async fn talk(&mut self) -> Result<()> {
        self.tell.step("He asks before he books.");
        self.talk = self.malik.open(self.ride).await?;
        let lines = [
            (&self.malik, &self.chloe, "Bonjour ! Vous passez près de la gare de L'Isle-d'Abeau ?"),
            (&self.chloe, &self.malik, "Bonjour Malik, oui, juste après Bourgoin. Combien êtes-vous ?"),
            (&self.malik, &self.chloe, "Deux, avec un violoncelle."),
        ];
        for (from, to, text) in lines {
            from.say(self.talk, text, to).await?;
            self.tell.says(from.name(), text);
        }
        Ok(())
    }

    /// A proposal and a counter-proposal; answers the latter's id and hash.
    async fn negotiate(&mut self) -> Result<(String, String)> {
        let proposed = self.malik.ask(self.talk, proposal(2, 600, ISLE_D_ABEAU, LYON)).await?;
        let first = proposed["proposal"].as_str().context("a proposal has an id")?.to_owned();
        let seen = self.chloe.sees(self.talk, 0, "proposal_made").await?;
        ensure!(seen["data"]["proposal"] == first.as_str(), "Chloé sees another proposal: {seen}");
        let terms = &seen["data"]["terms"];
        self.tell.step("Malik proposes other terms.");
        self.tell.says(
            "Malik",
            &format!(
                "{} seats at {}, from {}",
                terms["seats"],
                price(&terms["price_per_seat"]),
                label(&terms["pickup"])
            ),
        );
        let mut counter = proposal(2, 750, ISLE_D_ABEAU, LYON);
        counter["in_reply_to"] = json!(first);
        let countered = self.chloe.ask(self.talk, counter).await?;
        let seq = countered["seq"].as_u64().context("a counter-proposal has a seq")?;
        let seen = self.malik.sees(self.talk, seq - 1, "proposal_made").await?;
        let terms = &seen["data"]["terms"];
        self.tell.step("Chloé makes a counter-proposal.");
        self.tell.says(
            "Chloé",
            &format!(
                "{} seats at {}, from {} at {} UTC",
                terms["seats"],
                price(&terms["price_per_seat"]),
                label(&terms["pickup"]),
                hour(&terms["pickup_at"])
            ),
        );
        ensure!(seen["data"]["in_reply_to"] == first.as_str(), "it does not counter the first: {seen}");
        ensure!(seen["data"]["terms_hash"] == countered["terms_hash"], "the hash of the terms differs");
        let text =
            |field: &str| countered[field].as_str().map(str::to_owned).context("a proposal has an id and a hash");
        Ok((text("proposal")?, text("terms_hash")?))
    }

    async fn agree_through_a_power_cut(&mut self, proposal: &str, terms_hash: &str) -> Result<()> {
        self.tell.step("Malik agrees, and the server is killed (SIGKILL) the moment his acceptance is on its way.");
        self.before_booking = Utc::now().to_rfc3339_opts(SecondsFormat::Millis, true);
        let acceptance = json!({"type": "accept_proposal", "proposal": proposal, "terms_hash": terms_hash});
        let asked = self.malik.begin(self.talk, acceptance).await?;
        let key = asked.key;
        while !self.malik.chat.has_sent(key) {
            tokio::task::yield_now().await;
        }
        let before = [self.chloe.chat.tally(), self.malik.chat.tally()];
        self.server.kill()?;
        let ready = self.server.start().await?;
        self.tell.fact(&format!("the server is back after {:.2} s", ready.as_secs_f64()));
        let accepted = self.malik.finish(asked).await?;
        let how = match (self.malik.chat.tally().repeated > before[1].repeated, accepted["duplicate"] == true) {
            (true, true) => {
                "his app repeats it with the same key, and learns that it had been committed before the cut"
            }
            (true, false) => "his app repeats it with the same key, and it is committed now",
            (false, _) => "it had been committed and answered just before the cut",
        };
        self.tell.fact(how);
        let mut reservations = Vec::new();
        for player in [&self.chloe, &self.malik] {
            let confirmed = player.sees(self.talk, 0, "booking_confirmed").await?;
            ensure!(confirmed["data"]["proposal"] == proposal, "another proposal is confirmed: {confirmed}");
            reservations.push(confirmed["data"]["reservation"].as_str().context("a booking has an id")?.to_owned());
            self.position = confirmed["position"].as_u64().context("an event has a position")?;
        }
        ensure!(reservations[0] == reservations[1], "they see two bookings");
        self.reservation = reservations.remove(0);
        self.tell.fact("both resume, and both see the booking confirmed");
        self.resumed(before)
    }

    fn resumed(&self, before: [Tally; 2]) -> Result<()> {
        for (player, before) in [&self.chloe, &self.malik].iter().zip(before) {
            let now = player.chat.tally();
            ensure!(now.connections > before.connections, "{} did not reconnect", player.name());
        }
        Ok(())
    }

    async fn see_the_booking(&mut self) -> Result<()> {
        self.tell.step("Everybody sees it.");
        let upcoming =
            self.malik.person.api.get(&format!("me/reservations?when=upcoming&min_position={}", self.position)).await?;
        ensure!(mentions(&upcoming, "reservation", &self.reservation), "Malik's reservations lack it: {upcoming}");
        self.tell.fact("Malik has it among his reservations");
        let ride = self.chloe.person.api.get(&format!("rides/{}", self.ride)).await?;
        ensure!(mentions(&ride, "reservation", &self.reservation), "Chloé's ride lacks it: {ride}");
        self.tell.fact("Chloé has it on her ride");
        let (_, one) = self.search(1).await?;
        let one = one.context("a search for one seat does not find the ride any more")?;
        ensure!(one["seats_left"] == 1, "1 seat is left, not {}", one["seats_left"]);
        self.tell.fact("the same search for 1 seat finds the ride, with 1 seat left");
        let (_, two) = self.search(2).await?;
        ensure!(two.is_none(), "a search for two seats still finds the ride");
        self.tell.fact("the same search for 2 seats does not find it any more");
        Ok(())
    }

    async fn second_passenger(&mut self) -> Result<()> {
        self.tell
            .step("Inès had the ride open since this morning. She proposes 2 seats, and Chloé, in a hurry, accepts.");
        self.second_talk = self.ines.open(self.ride).await?;
        let proposed = self.ines.ask(self.second_talk, proposal(2, 900, BOURGOIN, LYON)).await?;
        self.chloe.sees(self.second_talk, 0, "proposal_made").await?;
        let acceptance = json!({
            "type": "accept_proposal",
            "proposal": proposed["proposal"],
            "terms_hash": proposed["terms_hash"],
        });
        self.chloe.ask(self.second_talk, acceptance).await?;
        for player in [&self.chloe, &self.ines] {
            let refused = player.sees(self.second_talk, 0, "booking_refused").await?;
            ensure!(refused["data"]["reason"] == "no_seats_left", "another reason: {refused}");
            self.position = refused["position"].as_u64().context("an event has a position")?;
        }
        self.tell.fact("the ride refuses: no_seats_left; both read it in their conversation, and nothing is booked");
        let text = "Désolée Inès, il ne reste qu'une place.";
        self.chloe.say(self.second_talk, text, &self.ines).await?;
        self.tell.says("Chloé", text);
        let (_, one) = self.search(1).await?;
        ensure!(one.is_some_and(|offer| offer["seats_left"] == 1), "the refusal has taken a seat");
        self.tell.fact("1 seat is still left");
        Ok(())
    }

    async fn second_power_cut(&mut self) -> Result<()> {
        self.tell.step("The power fails once more, while Malik types.");
        let before = [self.chloe.chat.tally(), self.malik.chat.tally()];
        let seq = self.malik.chat.seq(self.talk);
        self.server.kill()?;
        let text = "À bientôt ! Le violoncelle sera sage.";
        let asked = self.malik.begin(self.talk, json!({"type": "post_message", "text": text})).await?;
        let ready = self.server.start().await?;
        self.malik.finish(asked).await?;
        let heard = self.chloe.sees(self.talk, seq, "message_posted").await?;
        ensure!(heard["data"]["text"] == text, "Chloé reads {heard}");
        self.tell.says("Malik", text);
        self.tell.fact(&format!("back after {:.2} s, and the message arrives", ready.as_secs_f64()));
        self.chloe
            .chat
            .wait_until("the connection", BOUND, |chat| {
                (chat.tally().connections > before[0].connections).then_some(())
            })
            .await?;
        self.resumed(before)
    }

    async fn compare(&mut self) -> Result<()> {
        self.tell.step("What the three apps were told is compared with what the log holds.");
        for (conversation, passenger) in [(self.talk, &self.malik), (self.second_talk, &self.ines)] {
            let events = compare(conversation, [&self.chloe, passenger], &self.ledger).await?;
            self.tell.fact(&format!(
                "Chloé and {}: {events} events, gapless and the same for both; every acknowledged key exactly once, in order",
                passenger.name()
            ));
        }
        Ok(())
    }

    async fn audit(&mut self) -> Result<()> {
        self.tell
            .step("The server is stopped, and the log is asked what happened (streams and hashes are left out here).");
        self.server.stop().await?;
        let ride = self.ride.to_string();
        let at = self.before_booking.clone();
        let now = self.server.run_well(&["audit", "ride", &ride])?.out;
        self.tell.printed("audit ride RIDE", sentences(&now));
        let then = self.server.run_well(&["audit", "ride", &ride, "--at", &at])?.out;
        self.tell.printed(&format!("audit ride RIDE --at {at}"), sentences(&then));
        ensure!(now != then, "the state before the booking is the state after it");
        for command in [&["verify"][..], &["rebuild", "--check"]] {
            let printed = self.server.run_well(command)?;
            self.tell.printed(&command.join(" "), printed.out.lines());
        }
        Ok(())
    }
}

fn label(place: &Value) -> &str {
    place["label"].as_str().or(place["town"].as_str()).unwrap_or("somewhere")
}
