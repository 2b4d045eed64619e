// Whether an endpoint answers a question with 200: what a component asks of another.
import { request, type RequestOptions } from 'node:https';

/** False when it says otherwise, or nothing within the timeout. Never rejects. */
export async function answersWell(question: RequestOptions): Promise<boolean> {
  return new Promise((resolve) => {
    const sent = request(question, (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    });
    sent.once('timeout', () => sent.destroy(new Error('late')));
    sent.once('error', () => resolve(false));
    sent.end();
  });
}
