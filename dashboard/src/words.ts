// The words of the page alone, and those that it has in common with kubectl's plugin. What is said of the cluster comes from
// src/view/messages.
import type { Language } from '../../src/view/messages/message.ts';
import { wordsOf, type Words } from '../../src/view/messages/words.ts';
import { en } from './words-en.ts';
import { zh } from './words-zh.ts';

export type WordKey = keyof typeof en;

export const wordsIn = (language: Language): Words<WordKey> => wordsOf<WordKey>({ en, zh }, language);
