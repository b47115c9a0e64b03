/** A session of `ana` at the service `blog`, as she opens one with her password; tests change what they are about. */

export const anaSession = {
  service: 'blog',
  audience: 'blog.example.test',
  guard: 'password',
  subject: 'user:ana',
  name: 'ana',
  roles: [],
  revision: 1,
  source: '',
} as const;
