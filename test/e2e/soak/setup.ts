import { bedOfTwo } from '../lib/fixture.ts';
import { prepare, putAway } from '../lib/prepare.ts';

export const setup = async (): Promise<void> => prepare(bedOfTwo());
export const teardown = async (): Promise<void> => putAway(bedOfTwo());
