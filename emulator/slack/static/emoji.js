// The shortcodes bots commonly use; an unknown one stays as it was typed, as in Slack.

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

export function emoji(name) {
  return EMOJI.get(name) ?? `:${name}:`;
}
