use std::os::unix::fs::FileExt;
use std::time::Instant;
use tastespace_kernels::{blocks::Source, csr::*, csv::*, field::Marks};
struct F(std::fs::File);
impl Source for F {
    fn size(&self) -> u64 { self.0.metadata().unwrap().len() }
    fn read_at(&self, o: u64, b: &mut [u8]) -> std::io::Result<()> { self.0.read_exact_at(b, o) }
}
fn main(){
  let f=F(std::fs::File::open(std::env::args().nth(1).unwrap()).unwrap());
  for th in [1,2,2] {
   let s=Instant::now();
   let c=read(&f,&Layout{skip:1,marks:Marks{separator:b',',quote:Some(b'"')},columns:vec![Role::Label,Role::Label,Role::Number,Role::Integer]},th).unwrap().unwrap();
   let t1=s.elapsed();
   let s=Instant::now();
   let ni=c.labels[1].1.len();
   let c=build(Events{rows:&c.labels[0].0,cols:&c.labels[1].0,values:Some(&c.numbers[0]),weights:None,times:Some(&c.integers[0])},c.labels[0].1.len(),ni,Duplicates::Last,th).unwrap();
   let b=s.elapsed(); let s=Instant::now();
   let x=transpose(&c.indptr,&c.indices,c.values.as_deref(),None,ni,th).unwrap();
   println!("threads {th} csv {t1:?} build {:?} transpose {:?} {}",b,s.elapsed(),x.indices.len());
  }
}
