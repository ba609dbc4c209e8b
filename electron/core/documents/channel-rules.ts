import type { ChannelDocument, DocumentProblem } from '../../../shared/model/documents'
import type { DocumentBodies } from './current'
import { headerProblems, unknownEdges } from './data-rules'
import type { DocumentContext } from './rules'

type Problem = Omit<DocumentProblem, 'kind' | 'id'>

/** Whoever wants to be told again and again more often than that wants a dashboard. */
const REPEAT_EVERY_MS_MIN = 60_000

/** What a channel must be beyond the ranges of its fields: its type decides which of them it needs. */
export function channelProblems(
  channel: ChannelDocument,
  after: DocumentBodies,
  { isTimeZone }: Pick<DocumentContext, 'isTimeZone'>,
): Problem[] {
  const { type, name, id, repeatEveryMs, quiet } = channel
  const problems = [...unknownEdges(channel.edges, after), ...headerProblems(channel.headers)]
  const wrong = (field: string, value: unknown, allowed: string, message: string) =>
    problems.push({ field, value, allowed, message })
  const other = after.list('channel').find((one) => one.id !== id && one.name.toLowerCase() === name.toLowerCase())
  if (other) wrong('name', name, 'a name no other channel has', `There is already a channel "${other.name}".`)
  if (repeatEveryMs > 0 && repeatEveryMs < REPEAT_EVERY_MS_MIN)
    wrong(
      'repeatEveryMs',
      repeatEveryMs,
      `0, or at least ${REPEAT_EVERY_MS_MIN}`,
      'Alerts are told again at most once a minute.',
    )
  if (quiet?.timeZone !== undefined && !isTimeZone(quiet.timeZone))
    wrong('quiet.timeZone', quiet.timeZone, 'a time zone like Europe/Berlin', 'There is no such time zone.')
  if (quiet && quiet.from === quiet.to)
    wrong(
      'quiet.to',
      quiet.to,
      'another time than quiet.from',
      'Quiet hours need a beginning and an end; switch the channel off instead.',
    )
  if (type === 'webhook' && channel.url === undefined)
    wrong('url', undefined, 'an address, or {secretRef: NAME}', 'A webhook needs an address.')
  if (type === 'email') problems.push(...mailProblems(channel))
  return problems
}

function mailProblems({ host, from, to, security, username, password }: ChannelDocument): Problem[] {
  const problems: Problem[] = []
  const missing = (field: string, allowed: string, message: string) =>
    problems.push({ field, value: undefined, allowed, message })
  if (host === undefined) missing('host', 'the name of a mail server', 'E-mail needs a server.')
  if (from === undefined) missing('from', 'an address like ops@example.com', 'E-mail needs the address it comes from.')
  if (to.length === 0) missing('to', 'a list of addresses', 'E-mail needs somebody it goes to.')
  if (password !== undefined && username === undefined)
    missing('username', 'the name the password belongs to', 'A password needs the name it belongs to.')
  if (password !== undefined && security === 'none')
    problems.push({
      field: 'security',
      value: security,
      allowed: 'tls | starttls',
      message: 'A password is not sent over a connection that everybody can read.',
    })
  return problems
}
