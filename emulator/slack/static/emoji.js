// The shortcodes bots commonly use; an unknown one stays as it was typed, as in Slack. The commonest are drawn here,
// since a machine without an emoji font would show empty boxes.

import { svg } from "./dom.js";

const TABLE = `
warning ⚠️ rotating_light 🚨 fire 🔥 red_circle 🔴 large_green_circle 🟢 large_yellow_circle 🟡
large_orange_circle 🟠 large_blue_circle 🔵 large_purple_circle 🟣 white_circle ⚪ black_circle ⚫
large_red_square 🟥 large_green_square 🟩 large_yellow_square 🟨 large_blue_square 🟦 white_large_square ⬜
white_check_mark ✅ heavy_check_mark ✔️ ballot_box_with_check ☑️ x ❌ no_entry ⛔ no_entry_sign 🚫
octagonal_sign 🛑 question ❓ exclamation ❗ bangbang ‼️ information_source ℹ️ bulb 💡 bell 🔔 no_bell 🔕
mute 🔇 eyes 👀 wave 👋 +1 👍 thumbsup 👍 -1 👎 thumbsdown 👎 clap 👏 pray 🙏 raised_hands 🙌 muscle 💪
tada 🎉 rocket 🚀 zap ⚡ boom 💥 skull 💀 ghost 👻 robot_face 🤖 sparkles ✨ star ⭐ heart ❤️ green_heart 💚
hourglass ⌛ hourglass_flowing_sand ⏳ stopwatch ⏱️ alarm_clock ⏰ clock1 🕐 calendar 📅 zzz 💤 sleeping 😴
snowflake ❄️ ice_cube 🧊 thermometer 🌡️ chart_with_upwards_trend 📈 chart_with_downwards_trend 📉 bar_chart 📊
mag 🔍 mag_right 🔎 memo 📝 page_facing_up 📄 scroll 📜 clipboard 📋 file_folder 📁 link 🔗 paperclip 📎
lock 🔒 unlock 🔓 key 🔑 gear ⚙️ wrench 🔧 hammer 🔨 hammer_and_wrench 🛠️ computer 💻 desktop_computer 🖥️
floppy_disk 💾 package 📦 inbox_tray 📥 outbox_tray 📤 satellite 📡 satellite_antenna 📡 electric_plug 🔌
battery 🔋 arrow_up ⬆️ arrow_down ⬇️ arrow_left ⬅️ arrow_right ➡️ arrow_forward ▶️ arrow_backward ◀️
rewind ⏪ fast_forward ⏩ double_vertical_bar ⏸️ pause_button ⏸️ black_square_for_stop ⏹️ repeat 🔁
arrows_counterclockwise 🔄 recycle ♻️ speech_balloon 💬 thought_balloon 💭 loudspeaker 📢 mega 📣 pushpin 📌
round_pushpin 📍 triangular_flag_on_post 🚩 checkered_flag 🏁 crossed_fingers 🤞 point_right 👉 point_up ☝️
smile 😄 slightly_smiling_face 🙂 grin 😁 joy 😂 thinking_face 🤔 neutral_face 😐 worried 😟 cry 😢 sob 😭
scream 😱 see_no_evil 🙈 shrug 🤷 face_with_monocle 🧐 brain 🧠 ambulance 🚑 construction 🚧 broom 🧹 test_tube 🧪
mailbox 📫 books 📚 book 📖 wastebasket 🗑️ small_red_triangle 🔺 small_red_triangle_down 🔻 new 🆕 sos 🆘 ok 🆗
house 🏠 point_down 👇 heavy_minus_sign ➖ heavy_plus_sign ➕ infinity ♾️ dart 🎯 seedling 🌱 coffee ☕
`;

const words = TABLE.trim().split(/\s+/);
const EMOJI = new Map();
for (let index = 0; index + 1 < words.length; index += 2) EMOJI.set(words[index], words[index + 1]);

const dot = (colour) => [["circle", { cx: 12, cy: 12, r: 10, fill: colour }]];
const box = (colour) => [["rect", { x: 2, y: 2, width: 20, height: 20, rx: 4, fill: colour }]];
const path = (d, fill, more = {}) => ["path", { d, fill, ...more }];
const stroke = (d, colour = "#fff", width = 3) => path(d, "none", { stroke: colour, "stroke-width": width, "stroke-linecap": "round", "stroke-linejoin": "round" });
const BELL = path("M12 2c-4 0-6 3-6 7v4l-3 5h18l-3-5V9c0-4-2-7-6-7zM9 19a3 3 0 0 0 6 0z", "#f2b01e");
const TRIANGLE = path("M12 2 1 22h22z", "#f8c21c", { "stroke-linejoin": "round" });
const HOURGLASS = path("M5 2h14v3l-6 7 6 7v3H5v-3l6-7-6-7z", "#b98a4a");
const LENS = [["circle", { cx: 10, cy: 10, r: 7, fill: "#cfe8f7", stroke: "#4a5a6a", "stroke-width": 3 }], stroke("M15 15l7 7", "#4a5a6a", 4)];

const DRAWN = {
  "🔴": dot("#dd2e44"), "🟠": dot("#f4900c"), "🟡": dot("#fdcb58"), "🟢": dot("#3eb34f"), "🔵": dot("#3b88c3"), "🟣": dot("#aa8ed6"),
  "⚪": dot("#d5dbe0"), "⚫": dot("#30343a"), "🟥": box("#dd2e44"), "🟨": box("#fdcb58"), "🟩": box("#3eb34f"), "🟦": box("#3b88c3"), "⬜": box("#d5dbe0"),
  "✅": [...box("#3eb34f"), stroke("M6 12.5l4 4 8-9")],
  "✔": [stroke("M4 12.5l5 5L20 6", "#3eb34f", 4)],
  "❌": [stroke("M4 4l16 16M20 4L4 20", "#dd2e44", 5)],
  "⛔": [...dot("#dd2e44"), ["rect", { x: 5, y: 10, width: 14, height: 4, fill: "#fff" }]],
  "🛑": [path("M8 2h8l6 6v8l-6 6H8l-6-6V8z", "#dd2e44")],
  "⚠": [TRIANGLE, stroke("M12 9v6M12 18.5v.1", "#222", 2.4)],
  "🚨": [path("M5 18V12a7 7 0 0 1 14 0v6z", "#dd2e44"), path("M3 18h18v4H3z", "#66757f"), stroke("M12 1v2M3 4l2 2M21 4l-2 2", "#dd2e44", 2)],
  "🔥": [path("M13 1c1 5 7 7 7 13a8 8 0 0 1-16 0c0-4 3-5 3-9 2 1 3 3 3 5 2-2 3-5 3-9z", "#f4721e"), path("M12 12c1 3 4 4 4 7a4 4 0 0 1-8 0c0-3 3-4 4-7z", "#fdcb58")],
  "💥": [path("M12 1l3 6 7-2-3 6 4 5-7 1-1 6-5-5-6 3 1-7-4-5 7-1z", "#f4721e")],
  "🔔": [BELL], "🔕": [BELL, stroke("M3 3l18 18", "#dd2e44", 3)], "🔇": [BELL, stroke("M3 3l18 18", "#dd2e44", 3)],
  "👀": [["ellipse", { cx: 7, cy: 12, rx: 5, ry: 8, fill: "#fff", stroke: "#666" }], ["ellipse", { cx: 17, cy: 12, rx: 5, ry: 8, fill: "#fff", stroke: "#666" }], ["circle", { cx: 8.5, cy: 13, r: 2.5, fill: "#222" }], ["circle", { cx: 18.5, cy: 13, r: 2.5, fill: "#222" }]],
  "🚀": [path("M21 3c-6 0-11 4-13 10l3 3c6-2 10-7 10-13z", "#8899a6"), path("M8 13l-5 1 4-5zM11 16l-1 5 5-4z", "#dd2e44"), path("M6 17l-4 5 5-4z", "#f4900c")],
  "👋": [stroke("M5 12l4 4M7 7l5 6M12 4l3 7M18 6v8", "#fdcb58", 4), ["circle", { cx: 14, cy: 16, r: 6, fill: "#fdcb58" }]],
  "🧪": [path("M14 2l8 8-10 11a5.5 5.5 0 0 1-8-8z", "#d5e9f5", { stroke: "#66757f", "stroke-width": 1.5 }), path("M8 10h11l-7 10a5.5 5.5 0 0 1-8-7z", "#3eb34f")],
  "⏳": [HOURGLASS], "⌛": [HOURGLASS], "🔍": LENS, "🔎": LENS,
  "📈": [...box("#e7eef3"), stroke("M4 18l5-6 4 3 7-10", "#dd2e44", 2.2)], "📉": [...box("#e7eef3"), stroke("M4 6l5 6 4-3 7 10", "#3b88c3", 2.2)],
  "📊": [...box("#e7eef3"), stroke("M7 19v-6M12 19V6M17 19v-9", "#3b88c3", 3)],
  "💡": [path("M12 2a7 7 0 0 0-4 13v3h8v-3a7 7 0 0 0-4-13z", "#fdcb58"), path("M9 19h6v3H9z", "#8899a6")],
  "📌": [path("M9 2h8l-1 6 4 5H6l4-5z", "#dd2e44"), stroke("M12 14v8", "#8899a6", 2)],
  "❄": [stroke("M12 2v20M3 7l18 10M21 7L3 17", "#5dade2", 2.4)],
  "▶": [...box("#3b88c3"), path("M8 6l10 6-10 6z", "#fff")],
  "💾": [path("M2 2h16l4 4v16H2z", "#4a5a6a"), path("M6 2h10v7H6z", "#e7eef3"), path("M5 13h14v9H5z", "#cfe8f7")],
  "⏸": [...box("#3b88c3"), stroke("M9 7v10M15 7v10")], "🔄": [...box("#3b88c3"), stroke("M7 12a5 5 0 0 1 9-3M17 12a5 5 0 0 1-9 3", "#fff", 2.4)],
  "⏰": [["circle", { cx: 12, cy: 13, r: 8, fill: "#fff", stroke: "#dd2e44", "stroke-width": 3 }], stroke("M12 9v4l3 2", "#222", 2), stroke("M4 5l3-3M20 5l-3-3", "#dd2e44", 3)],
  "👍": [path("M8 10l4-8c3 0 3 3 2 6h6c2 0 2 2 1 4l-2 7c-1 2-2 2-4 2H8z", "#fbbf4c"), path("M2 10h5v11H2z", "#3b88c3")],
  "📝": [path("M4 2h12l4 4v16H4z", "#e7eef3", { stroke: "#8899a6" }), stroke("M7 9h9M7 13h9M7 17h5", "#8899a6", 1.6)],
  "💤": [stroke("M3 12h6l-6 8h6M12 3h9l-9 10h9", "#3b88c3", 2.6)], "❓": [stroke("M7 8a5 5 0 1 1 7 5c-2 1-2 2-2 3M12 21v.1", "#dd2e44", 3.4)],
  "☑": [...box("#3b88c3"), stroke("M6 12.5l4 4 8-9")],
  "ℹ": [...box("#3b88c3"), stroke("M12 11v6M12 7v.1")],
};
const KNOWN = new RegExp(`(:[a-z0-9_+-]+:|(?:${Object.keys(DRAWN).join("|")})\\uFE0F?)`, "gu");

/** One emoji by shortcode name or as its character: an element where it is drawn here, else text. */
export function emoji(name) {
  return drawn(EMOJI.get(name) ?? `:${name}:`);
}

function drawn(character) {
  const shapes = DRAWN[character.replace("\uFE0F", "")];
  if (!shapes) return character;
  return svg("svg", { viewBox: "0 0 24 24", class: "emoji", role: "img", "aria-label": character }, shapes.map(([tag, props]) => svg(tag, props)));
}

/** Text in which shortcodes and drawn characters have become emoji. */
export function withEmoji(text) {
  return text
    .split(KNOWN)
    .map((part, index) => (index % 2 ? (part.startsWith(":") ? emoji(part.slice(1, -1)) : drawn(part)) : part))
    .filter(Boolean);
}
