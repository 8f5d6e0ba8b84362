//! Event types of the TCG PC Client Platform Firmware Profile that are told apart, and dstack's.

pub(super) const NO_ACTION: u32 = 0x3;
pub(super) const SEPARATOR: u32 = 0x4;
pub(super) const EVENT_TAG: u32 = 0x6;
pub(super) const PLATFORM_CONFIG_FLAGS: u32 = 0xa;
pub(super) const IPL: u32 = 0xd;
pub(super) const VARIABLE_DRIVER_CONFIG: u32 = 0x8000_0001;
pub(super) const VARIABLE_BOOT: u32 = 0x8000_0002;
pub(super) const BOOT_SERVICES_APPLICATION: u32 = 0x8000_0003;
pub(super) const BOOT_SERVICES_DRIVER: u32 = 0x8000_0004;
pub(super) const RUNTIME_SERVICES_DRIVER: u32 = 0x8000_0005;
pub(super) const GPT_EVENT: u32 = 0x8000_0006;
pub(super) const ACTION: u32 = 0x8000_0007;
pub(super) const PLATFORM_FIRMWARE_BLOB: u32 = 0x8000_0008;
pub(super) const HANDOFF_TABLES: u32 = 0x8000_0009;
pub(super) const PLATFORM_FIRMWARE_BLOB2: u32 = 0x8000_000a;
pub(super) const HANDOFF_TABLES2: u32 = 0x8000_000b;
pub(super) const VARIABLE_BOOT2: u32 = 0x8000_000c;
pub(super) const VARIABLE_AUTHORITY: u32 = 0x8000_00e0;
/// An event of the running guest, in RTMR3.
pub(super) const DSTACK_RUNTIME: u32 = 0x0800_0001;

/// Whether the payload is a `UEFI_VARIABLE_DATA`.
pub(super) const fn is_variable(kind: u32) -> bool {
    matches!(kind, VARIABLE_DRIVER_CONFIG | VARIABLE_BOOT | VARIABLE_BOOT2 | VARIABLE_AUTHORITY)
}

/// What an event of this kind is about, in words.
pub(super) const fn words(kind: u32) -> &'static str {
    match kind {
        SEPARATOR => "separator",
        EVENT_TAG => "tagged event",
        PLATFORM_CONFIG_FLAGS => "platform configuration",
        IPL => "boot loader item",
        VARIABLE_DRIVER_CONFIG => "firmware variable",
        VARIABLE_BOOT | VARIABLE_BOOT2 => "boot variable",
        VARIABLE_AUTHORITY => "boot authority",
        BOOT_SERVICES_APPLICATION => "boot application",
        BOOT_SERVICES_DRIVER | RUNTIME_SERVICES_DRIVER => "firmware driver",
        GPT_EVENT => "partition table",
        ACTION => "firmware action",
        PLATFORM_FIRMWARE_BLOB | PLATFORM_FIRMWARE_BLOB2 => "firmware image",
        HANDOFF_TABLES | HANDOFF_TABLES2 => "hand-off table",
        DSTACK_RUNTIME => "runtime event",
        _ => "event",
    }
}
