/**
 * A kernel of one sector and some: the smallest image that iPXE takes for Linux (boot protocol 2.6). It prints its command line on the
 * serial port and stops the machine by QEMU's exit port.
 */
export function tinyKernel(): Buffer {
  const image = Buffer.alloc(1024 + 512);
  image[0x1f1] = 1; // One setup sector behind the boot sector.
  image.writeUInt16LE(0xaa55, 0x1fe);
  image.write("HdrS", 0x202);
  image.writeUInt16LE(0x0206, 0x206);
  image[0x211] = 1; // Loaded high.
  image.writeUInt32LE(0x100000, 0x214);
  image.writeUInt32LE(0x7fffffff, 0x22c);
  image.writeUInt32LE(2047, 0x238);
  // 0x200: jmp to 0x240, where real-mode code starts; iPXE enters at setup + 0x200 with the segment in DS.
  image.set([0xeb, 0x3e], 0x200);
  const code = [
    ...[0x66, 0x8b, 0x36, 0x28, 0x02], // mov esi, [0x228]: the linear address of the command line
    ...[0x8c, 0xd8], // mov ax, ds
    ...[0x66, 0x0f, 0xb7, 0xc0], // movzx eax, ax
    ...[0x66, 0xc1, 0xe0, 0x04], // shl eax, 4
    ...[0x66, 0x29, 0xc6], // sub esi, eax
    ...[0xba, 0xf8, 0x03], // mov dx, 0x3f8
    ...[0xac], // lodsb
    ...[0x84, 0xc0], // test al, al
    ...[0x74, 0x03], // jz to the end
    ...[0xee], // out dx, al
    ...[0xeb, 0xf8], // jmp back to lodsb
    ...[0xba, 0x01, 0x05], // mov dx, 0x501
    ...[0xee], // out dx, al: QEMU ends
    ...[0xf4], // hlt
  ];
  image.set(code, 0x240);
  return image;
}

/** A disk whose boot sector says so on the serial port and stops the machine by QEMU's exit port; without one the machine stays on. */
export function bootDisk(): Buffer {
  const image = Buffer.alloc(1024 * 1024);
  const words = Buffer.from("LOCAL-DISK-BOOT\0");
  const code = [
    ...[0x31, 0xc0, 0x8e, 0xd8], // ds = 0
    ...[0xbe, 0x40, 0x7c], // mov si, 0x7c40
    ...[0xba, 0xf8, 0x03],
    ...[0xac, 0x84, 0xc0, 0x74, 0x03, 0xee, 0xeb, 0xf8],
    ...[0xba, 0x01, 0x05, 0xee],
    ...[0xf4, 0xeb, 0xfd], // hlt, and again after every interrupt
  ];
  image.set(code, 0);
  image.set(words, 0x40);
  image.writeUInt16LE(0xaa55, 510);
  return image;
}
