use super::TraceRequest;
use super::dice::Dice;
use super::request::BLOCK_TOKENS;

/// System prompts that conversations begin with, the first ones far more often.
const SYSTEM_PROMPTS: u64 = 12;
/// Conversations that go on at once.
const CONVERSATIONS: usize = 64;
/// Mean time between two requests, in milliseconds.
const MEAN_PAUSE_MS: u64 = 300;
/// A conversation whose prompt would be longer ends, and another begins in its place.
const LONGEST_PROMPT: u64 = 60 * BLOCK_TOKENS;

/// Makes up traces of the schema of [`TraceRequest`]: conversations that begin with one of a few system prompts and grow
/// turn by turn, so that requests share prefixes as those of a chat service do. Endless; the same seed makes the same
/// trace everywhere.
#[derive(Clone, Debug)]
pub struct TraceGenerator {
    dice: Dice,
    now_ms: u64,
    next_id: u64,
    prompts: Vec<Vec<u64>>,
    conversations: Vec<Conversation>,
}

/// What a conversation's next prompt begins with.
#[derive(Clone, Debug, Default)]
struct Conversation {
    /// Tokens so far, answers included.
    tokens: u64,
    /// The blocks that are full. A block that is not gets another id as soon as more is said.
    full: Vec<u64>,
}

impl TraceGenerator {
    /// A trace of this seed.
    pub fn new(seed: u64) -> Self {
        let mut generator = Self {
            dice: Dice::new(seed),
            now_ms: 0,
            next_id: 0,
            prompts: Vec::new(),
            conversations: vec![Conversation::default(); CONVERSATIONS],
        };
        generator.prompts = (0..SYSTEM_PROMPTS)
            .map(|_| {
                let blocks = 1 + generator.dice.below(4);
                generator.fresh(blocks)
            })
            .collect();
        generator
    }

    fn fresh(&mut self, count: u64) -> Vec<u64> {
        let first = self.next_id;
        self.next_id += count;
        (first..self.next_id).collect()
    }

    /// A conversation that begins with a system prompt.
    fn begin(&mut self) -> Conversation {
        let which = usize::try_from(self.dice.skewed(SYSTEM_PROMPTS)).unwrap_or(0);
        let full = self.prompts.get(which).cloned().unwrap_or_default();
        Conversation {
            tokens: full.len() as u64 * BLOCK_TOKENS,
            full,
        }
    }

    /// Lets the conversation ask once more: the request, and what it has become.
    fn turn(&mut self, mut conversation: Conversation) -> (TraceRequest, Conversation) {
        let input_length = conversation.tokens + 40 + self.dice.skewed(12 * BLOCK_TOKENS);
        let output_length = 20 + self.dice.skewed(2 * BLOCK_TOKENS);
        let blocks = input_length.div_ceil(BLOCK_TOKENS);
        let mut hash_ids = conversation.full;
        let more = self.fresh(blocks.saturating_sub(hash_ids.len() as u64));
        hash_ids.extend(more);
        let request = TraceRequest {
            timestamp: self.now_ms,
            input_length,
            output_length,
            hash_ids: hash_ids.clone(),
        };
        let full = usize::try_from(input_length / BLOCK_TOKENS).unwrap_or(usize::MAX);
        hash_ids.truncate(full);
        conversation = Conversation {
            tokens: input_length + output_length,
            full: hash_ids,
        };
        (request, conversation)
    }
}

impl Iterator for TraceGenerator {
    type Item = TraceRequest;

    fn next(&mut self) -> Option<TraceRequest> {
        let at = usize::try_from(self.dice.below(CONVERSATIONS as u64)).unwrap_or(0);
        let slot = self.conversations.get_mut(at)?;
        let mut conversation = std::mem::take(slot);
        let over = self.dice.below(6) == 0;
        if conversation.full.is_empty() || conversation.tokens > LONGEST_PROMPT || over {
            conversation = self.begin();
        }
        let (request, conversation) = self.turn(conversation);
        if let Some(slot) = self.conversations.get_mut(at) {
            *slot = conversation;
        }
        self.now_ms += self.dice.below(2 * MEAN_PAUSE_MS);
        Some(request)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn the_same_seed_makes_the_same_trace_and_another_seed_another() {
        let of = |seed| TraceGenerator::new(seed).take(500).collect::<Vec<_>>();
        assert_eq!(of(3), of(3));
        assert_ne!(of(3), of(4));
    }

    #[test]
    fn time_never_falls_and_every_prompt_has_its_blocks_once() {
        let mut now = 0;
        for request in TraceGenerator::new(1).take(5000) {
            assert!(request.timestamp >= now);
            now = request.timestamp;
            let blocks = request.input_length.div_ceil(BLOCK_TOKENS);
            assert_eq!(request.hash_ids.len() as u64, blocks);
            let distinct: HashSet<_> = request.hash_ids.iter().collect();
            assert_eq!(distinct.len() as u64, blocks);
        }
    }

    #[test]
    fn requests_share_prefixes_about_as_often_as_those_of_a_chat_service() {
        let mut seen = HashSet::new();
        let (mut hits, mut all) = (0_u32, 0_u32);
        for id in TraceGenerator::new(2)
            .take(5000)
            .flat_map(|request| request.hash_ids)
        {
            all += 1;
            hits += u32::from(!seen.insert(id));
        }
        let rate = f64::from(hits) / f64::from(all);
        assert!((0.3..0.8).contains(&rate), "{rate}");
    }

    #[test]
    fn a_request_looks_like_a_line_of_a_real_trace() {
        let request = TraceGenerator::new(5).next().unwrap();
        let line = serde_json::to_string(&request).unwrap();
        assert!(
            line.starts_with("{\"timestamp\":0,\"input_length\":"),
            "{line}"
        );
        assert_eq!(
            serde_json::from_str::<TraceRequest>(&line).unwrap(),
            request
        );
    }
}
