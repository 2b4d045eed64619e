// Nothing but keys, all at once, in the same runtime as cert-renew: what no program of it can be quicker than.
import { generateKeyPair } from 'node:crypto';
import { promisify } from 'node:util';

const make = () => promisify(generateKeyPair)('rsa', { modulusLength: 2048 });
await Promise.all(Array.from({ length: Number(process.argv[2]) }, make));
