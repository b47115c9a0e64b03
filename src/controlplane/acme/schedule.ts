/** When a certificate is renewed, and when it is tried again: pure, with chance handed in. */

const hourMs = 3_600_000;
const dayMs = 86_400_000;
/** Certificates shorter than this are renewed at half of their life, others when a third is left: as Let's Encrypt advises. */
const shortLifeMs = 10 * dayMs;
/** Spread over a twentieth of the life, so that those who began together do not come together. */
const jitterShare = 0.05;

/** @param chance from 0 up to, and without, 1 */
export function renewAt(life: Readonly<{ notBefore: number; notAfter: number }>, chance: number): number {
  const span = life.notAfter - life.notBefore;
  const left = span < shortLifeMs ? span / 2 : span / 3;
  return Math.round(life.notAfter - left - chance * jitterShare * span);
}

/** A moment of the window that the CA names, each as likely (RFC 9773, 4.2). One that has passed means now. */
export function momentIn(window: Readonly<{ start: number; end: number }>, chance: number): number {
  return Math.round(window.start + chance * (window.end - window.start));
}

/** When the window is asked for again: as the CA says, from a minute to a day; six hours when it says nothing (RFC 9773, 4.3). */
export function askAgainMs(retryMs: number | null): number {
  return Math.min(Math.max(retryMs ?? 6 * hourMs, 60_000), dayMs);
}

/** After that many failures, doubling from `firstMs` to `mostMs`, a fifth of it by chance; never sooner than the CA wants. */
export function retryMs(
  failures: number,
  bounds: Readonly<{ firstMs: number; mostMs: number }>,
  chance: number,
  wantedMs: number | null,
): number {
  const doubled = Math.min(bounds.firstMs * 2 ** Math.min(failures - 1, 30), bounds.mostMs);
  return Math.round(Math.max(doubled * (0.9 + chance * 0.2), Math.min(wantedMs ?? 0, 7 * dayMs)));
}
