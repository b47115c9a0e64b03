/** Jobs done one after the other, in the order in which they came; one that finds the door locked waits and holds its place. */

export type TurnTools = Readonly<{
  /** Whether an error means "locked by somebody else, try again". */
  isBusy: (error: unknown) => boolean;
  /** Waits a little, each time a different while, so that two who wait do not meet again. */
  pause: () => Promise<void>;
  /** Milliseconds of any clock. */
  now: () => number;
  /** How long a job tries. */
  busyMs: number;
  jobsMax: number;
  /** What is thrown when `jobsMax` wait already. */
  tooMany: () => Error;
}>;

export type Turns = Readonly<{
  /** Runs `work` now if nothing waits, else in its turn. */
  take: <Result>(work: () => Result) => Promise<Result>;
  waiting: () => number;
  /** Resolves when nothing waits any more. */
  settled: () => Promise<void>;
}>;

type Job = Readonly<{ run: () => void; fail: (error: unknown) => void; since: number }>;

export function createTurns(tools: TurnTools): Turns {
  const jobs: Job[] = [];
  let working = false;
  let retrying: Promise<void> | null = null;

  /** Does what waits; false when the door is locked. */
  const work = (): boolean => {
    working = true;
    try {
      for (let job = jobs[0]; job !== undefined; job = jobs[0]) {
        try {
          job.run();
        } catch (error) {
          if (tools.isBusy(error) && tools.now() - job.since < tools.busyMs) return false;
          job.fail(error);
        }
        jobs.shift();
      }
      return true;
    } finally {
      working = false;
    }
  };
  const retry = async (): Promise<void> => {
    do await tools.pause();
    while (!work());
    retrying = null;
  };

  return {
    take: <Result>(run: () => Result) =>
      new Promise<Result>((resolve, reject) => {
        if (jobs.length >= tools.jobsMax) throw tools.tooMany();
        jobs.push({ run: () => resolve(run()), fail: reject, since: tools.now() });
        // A job may ask for another while it runs: that one has its turn after it.
        if (!working && retrying === null && !work()) retrying = retry();
      }),
    waiting: () => jobs.length,
    settled: async () => {
      await retrying;
    },
  };
}
