/** Which factors a login has shown, and which comes next. */

/** What one can sign in with on a page, in the order in which it is asked for. */
export const factors = ['password', 'passkey', 'totp'] as const;

export type Factor = (typeof factors)[number];

/** The factors of one entry of `access`, in order: all of them open a session together. */
export type LoginWay = readonly Factor[];

export type LoginPlace = Readonly<{
  /** The service, or that of several which has the sessions of their name. */
  service: string;
  /** The way that the guard belongs to. */
  way: LoginWay;
  /** All ways of the service. */
  ways: readonly LoginWay[];
}>;

/** A login that was begun and is not finished. */
export type BegunLogin = Readonly<{
  /** Random: a login goes on once. */
  id: string;
  user: string;
  /** The user's when it was begun: a new password ends it. */
  revision: number;
  /** What was right already. */
  shown: LoginWay;
  to: string;
}>;

export function isFactor(name: string): name is Factor {
  return (factors as readonly string[]).includes(name);
}

/** Whether a session was opened by showing this factor, among others. */
export function showed(session: Readonly<{ guard: string; shown?: readonly string[] }>, factor: Factor): boolean {
  return session.shown === undefined ? session.guard === factor : session.shown.includes(factor);
}

/** Whether a way begins with this factor: then it asks for the name as well. */
export function begins(way: LoginWay, factor: Factor): boolean {
  return way[0] === factor;
}

/** Whether a login has shown what stands before this factor on its way: not less, not more, and in order. */
export function comesTo(way: LoginWay, factor: Factor, begun: BegunLogin): boolean {
  const before = way.slice(0, way.indexOf(factor));
  return before.length > 0 && same(before, begun.shown);
}

/** What is asked for after `shown`, by each way that goes on from there; one factor once. */
export function nextFactors(shown: LoginWay, ways: readonly LoginWay[]): readonly Factor[] {
  const next = ways.filter((way) => same(way.slice(0, shown.length), shown)).map((way) => way[shown.length]);
  return [...new Set(next.filter((factor) => factor !== undefined))];
}

function same(one: LoginWay, other: LoginWay): boolean {
  return one.length === other.length && one.every((factor, at) => other[at] === factor);
}

/** The page of a factor. */
export const factorPath: Readonly<Record<Factor, string>> = {
  password: '/.sallyport/login',
  passkey: '/.sallyport/passkey',
  totp: '/.sallyport/totp',
};
