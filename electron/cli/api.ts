import type { Command } from 'commander'
import { version } from '../../package.json'
import { HoldfastError } from '../../shared/model/failures'
import type { Cli } from './command'

/** Where it is served if nobody says. */
const DOCUMENT_URL = 'https://localhost:7421'

export function addApi(cli: Cli, program: Command): void {
  const api = program.command('api').description('systems for other programs: where, and how')
  cli.add(api, 'url', 'where clients of the systems are served', (context) =>
    context.withConsole(async (client) => {
      const { url, reason } = await client.call('api.show', {})
      if (url === null)
        throw new HoldfastError('refused', `Clients are not served here: ${reason ?? ''}`, {
          hint: 'holdfast settings set serveApi true, then start the controller again. A master serves them at the port of the link.',
        })
      context.print({ url }, () => `${url}\n`)
    }),
  )
  cli.add(api, 'ca', 'the certificate that clients have to trust', (context) =>
    context.withConsole(async (client) => {
      const { caPem, url } = await client.call('api.show', {})
      if (caPem === null)
        throw new HoldfastError('refused', 'There is no TLS in front of clients here.', {
          ...(url !== null && { hint: `They are served on this machine alone: ${url}` }),
        })
      context.print({ caPem }, () => `${caPem.trim()}\n`)
    }),
  )
  cli
    .add(api, 'openapi', 'print the OpenAPI 3.1 document; needs no controller', async (context, _, options) => {
      const { apiDocument } = await import('../../shared/api/openapi')
      const url = (options['url'] as string | undefined) ?? DOCUMENT_URL
      const document = apiDocument({ version, url: url.replace(/\/api\/?$/, '') })
      context.print(document, () => `${JSON.stringify(document, null, 2)}\n`)
    })
    .option('--url <url>', 'where it is served, as `holdfast api url` says')
}
