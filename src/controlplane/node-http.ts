/** Node's HTTP, asked for by name: an import of it reads each of its exports, `WebSocket` with them, and so loads the whole of undici (25 ms of every start). */

export const { Agent, createServer, request } = process.getBuiltinModule('node:http');
