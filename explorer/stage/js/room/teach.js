// The lecturer's own link, /r/CODE/teach#key=...: joins with the key, which no server's log sees, and goes on to the
// room's page. Streamlit's own page would have lost the key by the time that it had loaded.

const code = location.pathname.split("/")[2]
const key = /^#key=([\w-]{10,64})$/.exec(location.hash)?.[1]
if (key) await fetch(`/r/${code}/join`, { method: "POST", body: JSON.stringify({ key }), headers: { "Content-Type": "application/json" } })
location.replace(`/room?room=${code}`)

export {}
