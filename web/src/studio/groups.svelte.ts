// The person groups of the server: shared by the two tabs that need them.
import { deleteGroup, personGroups, type PersonGroup } from '../shared/api/face';
import { asProblem, type Problem } from '../shared/api/problem';

class Groups {
  list = $state.raw<PersonGroup[]>([]);
  loaded = $state(false);
  problem = $state.raw<Problem | undefined>(undefined);
  /** The group that Identify asks; empty while none is chosen. */
  chosen = $state('');

  async refresh(): Promise<void> {
    this.problem = undefined;
    try {
      const found = await personGroups();
      this.list = found.sort((a, b) => a.name.localeCompare(b.name));
      if (!this.list.some((group) => group.personGroupId === this.chosen)) this.chosen = '';
      this.loaded = true;
    } catch (thrown) {
      this.problem = asProblem(thrown);
    }
  }

  /** Another key may see other groups. */
  forget(): void {
    this.list = [];
    this.loaded = false;
    this.problem = undefined;
    this.chosen = '';
  }

  async delete(id: string): Promise<void> {
    await deleteGroup(id);
    await this.refresh();
  }
}

export const groups = new Groups();
