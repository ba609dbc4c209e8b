import type { ListenOptions, Server } from 'node:net'
import { HoldfastError } from '../../../shared/model/failures'

export interface Listening extends Pick<ListenOptions, 'backlog' | 'exclusive'> {
  readonly host: string
  readonly port: number
  /** As the refusal says it, e.g. `The link port`. */
  readonly what: string
  /** How another port is chosen. */
  readonly hint: string
}

/** Rejects with `HoldfastError`: `conflict` when the port is taken, `forbidden` when this user may not have it, `unreachable` when there is no such address. */
export async function listenAt(server: Server, { what, hint, ...at }: Listening): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const refuse = (cause: NodeJS.ErrnoException): void =>
      reject(portRefusal(cause, `${what} ${at.port} of ${at.host}`, hint))
    server.once('error', refuse)
    server.listen(at, () => {
      server.off('error', refuse)
      resolve()
    })
  })
}

function portRefusal(cause: NodeJS.ErrnoException, place: string, hint: string): HoldfastError {
  const more = { hint, cause }
  if (cause.code === 'EADDRINUSE') return new HoldfastError('conflict', `${place} is taken by another program.`, more)
  if (cause.code === 'EACCES') return new HoldfastError('forbidden', `${place} may not be used by this user.`, more)
  return new HoldfastError('unreachable', `${place} cannot be opened (${cause.code ?? cause.message}).`, more)
}
