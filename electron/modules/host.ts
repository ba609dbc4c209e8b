import { parseArgs } from 'node:util'
import { isMainThread } from 'node:worker_threads'

// Entry of a module host. The same bundle serves both threads; each loads only its own part.
if (isMainThread) {
  const { values } = parseArgs({
    options: { heap: { type: 'string' }, drivers: { type: 'string' }, title: { type: 'string' } },
    strict: false,
  })
  if (typeof values.title === 'string') process.title = values.title
  const { runHost } = await import('./host-main')
  await runHost({
    self: import.meta.url,
    heapMib: Number(values.heap) || 128,
    driversPath: typeof values.drivers === 'string' ? values.drivers : null,
  })
} else {
  const { runWatch } = await import('./host-watch')
  runWatch()
}
