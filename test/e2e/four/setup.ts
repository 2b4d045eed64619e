import { bedOfFour } from '../lib/fixture.ts';
import { prepare, putAway } from '../lib/prepare.ts';

export const setup = async (): Promise<void> => prepare(bedOfFour());
export const teardown = async (): Promise<void> => putAway(bedOfFour());
