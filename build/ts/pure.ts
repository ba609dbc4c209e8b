// Fails the type check if this project can see a clock, a timer, Node or a page. (An expected error that does not come is one.)
// @ts-expect-error no Node
process.exit()
// @ts-expect-error no page
document.title = ''
// @ts-expect-error no timers
setTimeout(() => {}, 0)
