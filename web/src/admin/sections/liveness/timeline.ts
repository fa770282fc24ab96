// What happened in a session, in plain words: built of what the server tells of it. No scores and no names.
import type { Attempt, LivenessSession } from '../../shapes';
import { texts } from '../../texts';

export interface TimelineEvent {
  at: string;
  text: string;
  /** It is still to come. */
  isAhead: boolean;
}

export function timelineOf(session: LivenessSession, now = Date.now()): TimelineEvent[] {
  const { events } = texts.sessions;
  const all: [at: string, text: string][] = [[session.createdAt, events.created(session.mode, session.withVerify, session.keepsImage)]];
  if (session.noticeAcceptedAt !== null) {
    // An app server that asked by itself says so when it creates the session.
    const isOfCreation = session.noticeAcceptedAt === session.createdAt;
    all.push([session.noticeAcceptedAt, isOfCreation ? events.agreedBefore : events.agreed]);
  }
  for (const attempt of [...session.attempts].sort((one, other) => one.id - other.id)) {
    all.push([attempt.startedAt, events.began(attempt.id)], [attempt.endedAt ?? attempt.startedAt, stateOf(attempt)]);
  }
  const isOpen = session.status === 'NotStarted' || session.status === 'Running' || session.status === 'Canceled';
  if (isOpen) {
    const hasEnded = Date.parse(session.tokenExpiresAt) <= now;
    all.push([session.tokenExpiresAt, hasEnded ? events.tokenEnded : events.tokenEnds]);
  }
  all.push([session.expiresAt, events.deleted]);
  // What has the same time keeps its order.
  all.sort(([one], [other]) => Date.parse(one) - Date.parse(other));
  return all.map(([at, text]) => ({ at, text, isAhead: Date.parse(at) > now }));
}

function stateOf(attempt: Attempt): string {
  const { codes, decisions, events, noCode, unknown } = texts.sessions;
  switch (attempt.status) {
    case 'Running':
      return events.running(attempt.id);
    case 'Succeeded': {
      const decision = attempt.decision ?? unknown;
      return events.ended(attempt.id, decisions[decision] ?? decision, attempt.assurance ?? unknown, attempt.policyVersion ?? unknown);
    }
    case 'Canceled':
      return events.givenUp(attempt.id);
    case 'Failed':
      return events.failed(attempt.id, attempt.code === null ? noCode : (codes[attempt.code] ?? attempt.code));
  }
}

/** The decision of a session, if there is one. */
export const decisionOf = (session: LivenessSession): Attempt['decision'] =>
  session.attempts.find(({ decision }) => decision !== null)?.decision ?? null;
