/** Test files that simulate for long begin first, so that no worker waits for the last of them. */
import { BaseSequencer, type TestSpecification } from "vitest/node";

/** Beginnings of paths, the longest-running first; others follow by name. */
const LONG = ["test/e2e/incident.", "test/e2e/", "src/lab/", "test/"];

export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId, project }: TestSpecification): number => {
      const path = moduleId.slice(project.config.root.length + 1);
      const found = LONG.findIndex((start) => path.startsWith(start));
      return found < 0 ? LONG.length : found;
    };
    return files.sort((a, b) => rank(a) - rank(b) || (a.moduleId < b.moduleId ? -1 : 1));
  }
}
