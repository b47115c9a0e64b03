/** How long this thread itself has worked, in milliseconds: a machine that does something else meanwhile does not count. */
export function ownMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1_000;
}
