//! Proposals: make, accept, decline, withdraw.

use actix_web::{HttpResponse, web};
use palabre_events::{ConversationId, ProposalId, TermsHash};
use serde::{Deserialize, Serialize};

use super::answer::{Written, created, written};
use super::at::At;
use super::body::Body;
use super::key::{Asking, KeyHeader};
use super::problem::Problem;
use crate::commands::input::{MakeProposal, WithReason};
use crate::commands::negotiation;
use crate::platform::Platform;

/// A proposal that was made.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct ProposalAnswer {
    /// The proposal.
    #[schema(value_type = Uuid)]
    pub proposal: ProposalId,
    /// What an acceptance must name: 64 hexadecimal digits.
    #[schema(value_type = String)]
    pub terms_hash: TermsHash,
    /// The `seq` of the command's last event.
    pub seq: u64,
    /// For `min_position`.
    pub position: u64,
}

/// Propose terms, or counter a proposal
#[utoipa::path(post, path = "/api/v1/conversations/{conversation}/proposals", tag = "proposals", request_body = MakeProposal,
    params(("conversation" = Uuid, Path), KeyHeader),
    responses((status = 201, description = "Proposed", body = ProposalAnswer)))]
pub async fn make(
    platform: web::Data<Platform>,
    asking: Asking,
    at: At<ConversationId>,
    body: Body<MakeProposal>,
) -> Result<HttpResponse, Problem> {
    let conversation = at.0;
    let made = negotiation::make_proposal(&platform, asking.0, conversation, body.0).await?;
    let (proposal, terms_hash) = (made.proposal, made.terms_hash);
    let answer = ProposalAnswer { proposal, terms_hash, seq: made.done.seq, position: made.done.position };
    Ok(created(format!("/api/v1/conversations/{conversation}"), answer))
}

/// What is agreed to.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Accept {
    /// The hash of the terms that were seen: 64 hexadecimal digits.
    #[schema(value_type = String)]
    pub terms_hash: TermsHash,
}

/// Agree to a proposal of the other side
#[utoipa::path(post, path = "/api/v1/conversations/{conversation}/proposals/{proposal}/accept", tag = "proposals", request_body = Accept,
    params(("conversation" = Uuid, Path), ("proposal" = Uuid, Path),
        KeyHeader),
    responses((status = 200, description = "Agreed; the conversation tells whether the seats were there", body = Written)))]
pub async fn accept(
    platform: web::Data<Platform>,
    asking: Asking,
    at: At<(ConversationId, ProposalId)>,
    body: Body<Accept>,
) -> Result<HttpResponse, Problem> {
    let (conversation, proposal) = at.0;
    Ok(written(negotiation::accept(&platform, asking.0, conversation, proposal, body.0.terms_hash).await?))
}

/// Decline a proposal of the other side
#[utoipa::path(post, path = "/api/v1/conversations/{conversation}/proposals/{proposal}/decline", tag = "proposals", request_body = WithReason,
    params(("conversation" = Uuid, Path), ("proposal" = Uuid, Path),
        KeyHeader),
    responses((status = 200, description = "Declined", body = Written)))]
pub async fn decline(
    platform: web::Data<Platform>,
    asking: Asking,
    at: At<(ConversationId, ProposalId)>,
    body: Body<WithReason>,
) -> Result<HttpResponse, Problem> {
    let (conversation, proposal) = at.0;
    Ok(written(negotiation::decline(&platform, asking.0, conversation, proposal, body.0).await?))
}

/// Take a proposal of one's own back
#[utoipa::path(post, path = "/api/v1/conversations/{conversation}/proposals/{proposal}/withdraw", tag = "proposals",
    params(("conversation" = Uuid, Path), ("proposal" = Uuid, Path),
        KeyHeader),
    responses((status = 200, description = "Withdrawn", body = Written)))]
pub async fn withdraw(
    platform: web::Data<Platform>,
    asking: Asking,
    at: At<(ConversationId, ProposalId)>,
) -> Result<HttpResponse, Problem> {
    let (conversation, proposal) = at.0;
    Ok(written(negotiation::withdraw(&platform, asking.0, conversation, proposal).await?))
}
