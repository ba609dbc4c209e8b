import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, test } from 'vitest'
import { deliver, type DeliveryParts } from '../../../electron/master/alert-delivery'
import { MESSAGE_LENGTH_MAX } from '../../../electron/notify/failing'
import type { AlertMessage } from '../../../electron/notify/notify'
import { postWebhook } from '../../../electron/notify/webhook'
import { channelDocument } from '../../../shared/model/documents'

const message: AlertMessage = {
  ...{ id: 'm1', madeAt: 0, isTest: true, severity: 'warning', count: 0, sections: [] },
}
const signal = new AbortController().signal

/** What a webhook was told to have answered, by somebody who answers so. */
async function answered(secret: string, said: string): Promise<unknown> {
  const parts: DeliveryParts = {
    words: { controller: 'Head office', language: 'en', timeZone: 'UTC' },
    senders: {
      mail: () => Promise.reject(new Error('no mail')),
      webhook: () => Promise.resolve({ kind: 'taken', answer: said }),
    },
    secret: () => secret,
    now: () => 0,
  }
  const channel = channelDocument.parse({
    ...{ id: 'ops', name: 'ops', type: 'webhook', url: 'https://hook.example' },
    signingKey: { secretRef: 'key' },
  })
  return deliver(message, channel, parts, signal)
}

test('the line of a webhook that has taken a message is no longer than that of one that has not', async () => {
  const server = createServer((_request, response) => response.writeHead(200, 'x'.repeat(5_000)).end())
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const post = { ...{ url, headers: {}, body: '{}', id: 'm1' }, signing: null, ca: null }
  const answer = await postWebhook(post, signal, () => 0)
  server.close()
  server.closeAllConnections()
  expect(answer).toEqual({ kind: 'taken', answer: `200 ${'x'.repeat(MESSAGE_LENGTH_MAX - 4)}` })
})

test.each([
  ['open sesame', 'it was open sesame', 'it was …'],
  ['', 'all is well', 'all is well'],
  ['\ud800', 'all is well', 'all is well'],
])('with the secret %j an answer %j is shown as %j', async (secret, said, shown) => {
  expect(await answered(secret, said)).toEqual({ kind: 'taken', answer: shown })
})
