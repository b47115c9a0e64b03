/** Another machine on this network: a network namespace with an address of its own, and a cable to ours. */

import { execFileSync, spawnSync } from 'node:child_process';

type Context = { after: (done: () => void) => void };

export type OtherMachine = Readonly<{
  /** Our address on the cable, and that of the other end. */
  ours: string;
  theirs: string;
  /** Words that run a command over there. */
  under: readonly string[];
}>;

const ip = (words: string): void => void execFileSync('ip', words.split(' '), { stdio: 'pipe' });

/** Or why there is none: it needs root and iproute2. */
export function otherMachine(context: Context): OtherMachine | string {
  if (process.getuid?.() !== 0) return 'not run: no root, for a network namespace';
  if (spawnSync('ip', ['-V'], { stdio: 'ignore' }).status !== 0) return 'not run: no ip (iproute2)';
  const name = `sp${process.pid}`;
  // Two of four addresses, told apart by the process.
  const net = `10.${200 + (process.pid % 50)}.${(process.pid >> 6) % 250}`;
  context.after(() => void spawnSync('ip', ['netns', 'del', name], { stdio: 'ignore' }));
  try {
    ip(`netns add ${name}`);
    ip(`link add ${name}a type veth peer name ${name}b netns ${name}`);
    // The cable goes with the other machine.
    ip(`addr add ${net}.1/30 dev ${name}a`);
    ip(`link set ${name}a up`);
    ip(`-n ${name} addr add ${net}.2/30 dev ${name}b`);
    ip(`-n ${name} link set ${name}b up`);
    ip(`-n ${name} link set lo up`);
  } catch (error) {
    return `not run: no network namespaces here (${error instanceof Error ? error.message.trim().split('\n').at(-1) : ''})`;
  }
  return { ours: `${net}.1`, theirs: `${net}.2`, under: ['ip', 'netns', 'exec', name] };
}
