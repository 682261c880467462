//! A replica from what the stores hold when the node starts.
//!
//! Log and rows must fit each other, or the replica is rebuilt from the others. Whatever is found, a replica that may have lost
//! an entry it acknowledged never counts before a leader has given it everything anew.

use super::environment::RaftEnvironment;
use super::housekeeping::Housekeeping;
use super::rebuild::{ClearingState, Health};
use super::replica::Replica;
use super::retire::Retiring;
use super::state::ShardState;
use crate::config::Config;
use crate::ids::{LogIndex, ShardId};
use crate::raft::{AppliedThrough, HardState, Raft, RaftConfig, SavedLog, Start};
use crate::storage::{Clearing, ShardStore, TokenRange};
use crate::world::{TraceEvent, World};
use std::collections::BTreeMap;
use trefoil_cql::token::Token;

impl Replica {
    /// The tokens of a shard; the catalogue has the one token that no key has.
    #[must_use]
    pub fn tokens(config: &Config, shard: ShardId) -> TokenRange {
        let (start, end) = match shard {
            ShardId::CATALOGUE => (Token(i64::MIN), Token(i64::MIN)),
            _ => config.layout.token_range(shard),
        };
        TokenRange { start, end }
    }

    /// A replica from what the stores hold. `saved`: `None` when the log store has nothing of this shard.
    pub fn start<W: World>(
        config: &Config,
        shard: ShardId,
        saved: Option<SavedLog>,
        sound: bool,
        founding: bool,
        world: &mut W,
    ) -> Replica {
        let tokens = Replica::tokens(config, shard);
        let voters = config.layout.replicas(shard);
        let replicas = voters.len();
        let mut raft_config = RaftConfig::new(shard, config.node, voters, &config.tuning);
        raft_config.preferred_leader = config.layout.preferred_leader(shard);
        let recovered = ShardStore::recover(shard, tokens, world.rows());
        let new = saved.is_none();
        // A snapshot that was being installed when the node stopped leaves no record.
        let interrupted = sound && matches!(recovered, Ok(None));
        let saved = saved.unwrap_or_default();
        let stored = match recovered {
            Ok(Some((store, state))) => match ShardState::decode(&state) {
                Ok(state) => Some((store, state)),
                Err(error) => {
                    tracing::error!(%shard, %error, "the shard's state cannot be read");
                    None
                }
            },
            Ok(None) if new && founding => Some((ShardStore::empty(shard, tokens), ShardState::default())),
            // Nothing was ever flushed, but the whole log is there.
            Ok(None) if !new && saved.cut.0 == LogIndex(0) && !holds_rows(shard, tokens, world) => {
                Some((ShardStore::empty(shard, tokens), ShardState::default()))
            }
            Ok(None) => None,
            Err(damage) => {
                tracing::error!(%shard, %damage, "the shard's record is damaged");
                None
            }
        };
        let start = if new { Start::Founding } else { Start::Again };
        let hard_state = saved.hard_state;
        // The node stopped when the log had been given up for a rebuild, and the rows perhaps not yet.
        let given_up = hard_state.rebuild.is_some() && saved.cut.0 == LogIndex(0) && saved.entries.is_empty();
        let interrupted = interrupted || sound && given_up;
        let stored = stored.filter(|(store, _)| !given_up || store.applied() == AppliedThrough::default());
        let started = match stored {
            Some((store, state)) if sound && (!new || founding) => {
                let applied = store.applied();
                let rebuilding = hard_state.rebuild.is_some();
                match Raft::new(raft_config.clone(), saved, applied, start, &mut RaftEnvironment(world)) {
                    Ok(raft) => Some((raft, store, state, rebuilding)),
                    Err(error) => {
                        tracing::error!(%shard, %error, "log and rows do not fit");
                        None
                    }
                }
            }
            _ => None,
        };
        let mut replica = match started {
            Some((raft, store, state, rebuilding)) => {
                let health = if rebuilding { Health::Rebuilding } else { Health::Sound };
                Replica::assemble(shard, raft, store, state, health, replicas)
            }
            None if replicas == 1 => Replica::lost(raft_config, tokens, hard_state, world),
            None => Replica::rebuilding(raft_config, tokens, hard_state, replicas, !interrupted, world),
        };
        replica.commit = replica.store.applied().position.index;
        if shard == ShardId::CATALOGUE && replica.state.schema.is_none() {
            replica.state.schema = Some(crate::schema::Schema::default());
        }
        replica
    }

    fn assemble(
        shard: ShardId,
        raft: Raft,
        store: ShardStore,
        state: ShardState,
        health: Health,
        replicas: usize,
    ) -> Replica {
        Replica {
            shard,
            raft,
            store,
            state,
            health,
            commit: LogIndex(0),
            dirty_since: None,
            flushing: None,
            incoming: None,
            outgoing: BTreeMap::new(),
            streams: 0,
            hollow: false,
            waiting: Vec::new(),
            housekeeping: Housekeeping::default(),
            retiring: Retiring::default(),
            replicas,
        }
    }

    /// The only replica there is, damaged: it keeps what is left for whoever can mend it, and serves nothing.
    fn lost<W: World>(config: RaftConfig, tokens: TokenRange, hard_state: HardState, world: &mut W) -> Replica {
        let shard = config.shard;
        tracing::error!(%shard, "this shard is damaged and has no other replica: it is not served; bring its files back");
        world.trace(TraceEvent::DamageFound { shard });
        let saved = SavedLog { hard_state, ..SavedLog::default() };
        let raft = Raft::new(config, saved, AppliedThrough::default(), Start::Rebuilding, &mut RaftEnvironment(world))
            .expect("an empty log contradicts nothing");
        Replica::assemble(shard, raft, ShardStore::empty(shard, tokens), ShardState::default(), Health::Lost, 1)
    }

    /// A replica that lost what it had: it forgets the rest too, and waits for a leader. It neither votes nor counts meanwhile.
    fn rebuilding<W: World>(
        config: RaftConfig,
        tokens: TokenRange,
        hard_state: HardState,
        replicas: usize,
        damaged: bool,
        world: &mut W,
    ) -> Replica {
        let shard = config.shard;
        tracing::warn!(%shard, damaged, "rebuilding this replica from the others");
        if damaged {
            world.trace(TraceEvent::DamageFound { shard });
        }
        let saved = SavedLog { hard_state, ..SavedLog::default() };
        let none = AppliedThrough::default();
        let raft = Raft::new(config, saved, none, Start::Rebuilding, &mut RaftEnvironment(world))
            .expect("an empty log contradicts nothing");
        let clearing =
            ClearingState { clearing: Clearing::shard(shard, tokens), damaged, forgotten: true, waiting: None };
        let store = ShardStore::empty(shard, tokens);
        let health = Health::Clearing(Box::new(clearing));
        Replica::assemble(shard, raft, store, ShardState::default(), health, replicas)
    }
}

/// Whether rows of this shard are left although it has no record: an installation was interrupted.
fn holds_rows<W: World>(shard: ShardId, tokens: TokenRange, world: &W) -> bool {
    Clearing::shard(shard, tokens).next(world.rows(), 1).is_some_and(|part| part.has_rows())
}
