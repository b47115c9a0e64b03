import { storeConforms } from '../../../test/conformance/store.ts';
import { createMemoryStore } from './memory.ts';

storeConforms('memory', async (now) => {
  const store = createMemoryStore({ now });
  return { handle: async () => store, clean: async () => {} };
});
