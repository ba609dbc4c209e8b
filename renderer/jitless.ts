import { config } from 'zod'

// zod probes `new Function` when the first object schema is made, which the page's policy forbids and reports. Imported before any schema.
config({ jitless: true })
