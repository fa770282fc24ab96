// Something that the server was asked to do: whether it goes on, how it ended. Every part that asks has one, so that
// nothing fails without a word.
import { asProblem, type Problem } from '../shared/api/problem';

export class Task {
  busy = $state(false);
  problem = $state.raw<Problem>();
  /** Said when it is done. */
  done = $state('');

  /** Runs it, unless something of this part is running. Gives whether it went well. */
  async run(work: () => Promise<unknown>, said = ''): Promise<boolean> {
    if (this.busy) return false;
    this.busy = true;
    this.clear();
    try {
      await work();
      this.done = said;
      return true;
    } catch (thrown) {
      this.problem = asProblem(thrown);
      return false;
    } finally {
      this.busy = false;
    }
  }

  clear(): void {
    this.problem = undefined;
    this.done = '';
  }
}
