// Patience with a busy server: waits as long as it asks, tries again a few times, and lets the page say so.
import { sharedTexts } from '../texts';
import { Problem, wasStopped } from './problem';

const MOST_TRIES = 5;
/** Longer than this the reader should decide, not the page. */
const LONGEST_WAIT_SECONDS = 20;

class Traffic {
  /** Seconds until the next try, while the server is busy. */
  waiting = $state<number | undefined>(undefined);
}

export const traffic = new Traffic();

/** `fetch` that honours `Retry-After` of 429, and of 503 where `mayRepeat` says that trying again does no harm. */
export async function patientFetch(request: Request, mayRepeat: boolean): Promise<Response> {
  for (let tries = 1; ; tries++) {
    // A request's body can be read once, so every try sends a copy.
    const answer = await fetch(request.clone()).catch((thrown: unknown) => {
      if (wasStopped(thrown)) throw thrown;
      throw new Problem(sharedTexts.errors.unreachable, sharedTexts.errors.unreachableRemedy);
    });
    const busy = answer.status === 429 || (answer.status === 503 && mayRepeat);
    if (!busy || tries === MOST_TRIES) return answer;
    const asked = Number(answer.headers.get('Retry-After'));
    const seconds = Number.isFinite(asked) && asked > 0 ? asked : tries;
    if (seconds > LONGEST_WAIT_SECONDS) return answer;
    traffic.waiting = seconds;
    try {
      await pause(seconds * 1000, request.signal);
    } finally {
      traffic.waiting = undefined;
    }
  }
}

/** Waits, unless stopped meanwhile. */
export function pause(milliseconds: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    const stop = (): void => {
      clearTimeout(timer);
      reject(new DOMException('stopped', 'AbortError'));
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', stop);
      resolve();
    }, milliseconds);
    signal?.addEventListener('abort', stop, { once: true });
  });
}
