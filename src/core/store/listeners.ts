/** Those who wait for news of a key, of a subject, or of all that begins alike. */

type Listener<News> = Readonly<{ matches: (key: string) => boolean; after: number; hear: (news: News) => void }>;

export type Listeners<News> = Readonly<{
  count: () => number;
  /** News numbered `after` or less are not for this one: they were there before it came. */
  add: (matches: (key: string) => boolean, after: number, hear: (news: News) => void) => { close(): void };
  /** A listener that throws hurts neither the others nor the store: what it threw is handed to `broken`. */
  tell: (key: string, number: number, news: News) => void;
  clear: () => void;
}>;

export function createListeners<News>(broken: (error: unknown) => void): Listeners<News> {
  const all = new Set<Listener<News>>();
  return {
    count: () => all.size,
    add: (matches, after, hear) => {
      const listener = { matches, after, hear };
      all.add(listener);
      return { close: () => void all.delete(listener) };
    },
    tell: (key, number, news) => {
      // A copy: hearing may close this listener or another.
      for (const listener of [...all]) {
        if (number <= listener.after || !all.has(listener) || !listener.matches(key)) continue;
        try {
          listener.hear(news);
        } catch (error) {
          broken(error);
        }
      }
    },
    clear: () => all.clear(),
  };
}
